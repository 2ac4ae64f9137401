package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// byBytes knows one application, which subscribes on a tier of the organization's own.
type byBytes struct{}

func (byBytes) Client(context.Context, string) (*gatehouse.Client, error) {
	return &gatehouse.Client{
		Application:   gatehouse.Application{ID: "app", Tier: gatehouse.Unlimited},
		Subscriptions: []gatehouse.Subscription{{ID: "sub", APIID: "echo", State: gatehouse.Unblocked, Tier: "Bytes"}},
	}, nil
}

func (byBytes) AllRules(context.Context) ([]*gatehouse.Rules, error) {
	tier := gatehouse.Tier{Level: gatehouse.SubscriptionTier, Name: "Bytes", Terms: gatehouse.Terms{Limit: gatehouse.Limit{Bytes: 1000, Every: 1, Unit: gatehouse.PerMinute}}}
	return []*gatehouse.Rules{{OrgKey: "default", Tiers: []gatehouse.Tier{tier}}}, nil
}

func (byBytes) Rules(context.Context, string) (*gatehouse.Rules, error) { return nil, nil }

// The bytes of both bodies count, as they pass; the call that passes the limit is the last.
func TestBytesAreCounted(t *testing.T) {
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, strings.Repeat("x", 100))
		w.(http.Flusher).Flush() // so that the length is not known
		w.Write(body)
	})
	_, front := serve(t, target, func(g *gateway.Gateway) { g.Clients, g.Rules = byBytes{}, byBytes{} })
	for i, tt := range []struct {
		sent   int
		status int
		left   string // of the limit, before the call
	}{
		{200, 200, "1000"}, // 200 there, 300 back
		{0, 200, "500"},
		{150, 200, "400"}, // and 400 of it
		{0, 429, "0"},
	} {
		r, err := http.NewRequest(http.MethodPost, front.URL+"/echo/1.0/any/x", strings.NewReader(strings.Repeat("y", tt.sent)))
		if err != nil {
			t.Fatal(err)
		}
		res := do(t, r)
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != tt.status || res.Header.Get("RateLimit-Remaining") != tt.left || res.Header.Get("RateLimit-Limit") != "1000" {
			t.Errorf("call %d: %d %v %v, want %d and %s left", i, res.StatusCode, res.Header, err, tt.status, tt.left)
		}
		if tt.status == 200 && len(body) != tt.sent+100 {
			t.Errorf("call %d: %d bytes came back", i, len(body))
		}
		if tt.status == 429 && !strings.Contains(string(body), "900804") {
			t.Errorf("call %d: %s", i, body)
		}
	}
}
