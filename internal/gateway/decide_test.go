package gateway

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// facts are known by the token or the key itself.
type facts struct {
	tokens  map[string]*gatehouse.Authorization
	clients map[string]*gatehouse.Client
	keys    map[string]*gatehouse.APIKey
	chain   []*x509.Certificate
	broken  error

	certificate string
	address     netip.Addr
	counts      counts
}

func (f *facts) Token(token string) (*gatehouse.Authorization, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	if token == "expired" {
		return nil, &gatehouse.Error{Kind: gatehouse.Unauthenticated, Message: "no", Err: gatehouse.ErrTokenExpired}
	}
	if a, ok := f.tokens[token]; ok {
		return a, nil
	}
	return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "no such token")
}

func (f *facts) Client(key string) (*gatehouse.Client, error) {
	if key == "unreachable" {
		return nil, errors.New("out of reach")
	}
	if c, ok := f.clients[key]; ok {
		return c, nil
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "no such key")
}

// Proof holds for the key "key" when the token ends in "-proven".
func (f *facts) Proof(token string) (string, error) {
	switch {
	case strings.HasSuffix(token, "-proven"):
		return "key", nil
	case strings.HasSuffix(token, "-unreachable"):
		return "", errors.New("out of reach")
	}
	return "", gatehouse.Errorf(gatehouse.Unauthenticated, "no proof")
}

func (f *facts) Address() netip.Addr { return f.address }

func (f *facts) Certificate() string { return f.certificate }

func (f *facts) Count(limits Limits) Quota { return f.counts.take(&limits, noon) }

// petstore has a resource for each way in which one may be guarded.
func petstore(id, context string, change func(*gatehouse.API)) *gatehouse.API {
	a := &gatehouse.API{
		ID: id, OrgKey: "default", Name: id, Version: "v1", Context: context, State: gatehouse.Published,
		Production: "https://production.example/base/", Sandbox: "http://sandbox.example",
		Resources: []gatehouse.Resource{
			{Method: "GET", Template: "/pets", Auth: gatehouse.AuthAny},
			{Method: "POST", Template: "/pets", Auth: gatehouse.AuthAny, Scopes: []string{"update", "admin"}},
			{Method: "GET", Template: "/open", Auth: gatehouse.AuthNone},
			{Method: "GET", Template: "/app", Auth: gatehouse.AuthApplication},
			{Method: "GET", Template: "/user", Auth: gatehouse.AuthUser},
			{Method: "GET", Template: "/unset"},
			{Method: "OPTIONS", Template: "/asks", Auth: gatehouse.AuthNone},
		},
	}
	if change != nil {
		change(a)
	}
	return a
}

func petTable(tb testing.TB) *Table {
	tb.Helper()
	in := func(s gatehouse.State) func(*gatehouse.API) { return func(a *gatehouse.API) { a.State = s } }
	table, err := NewTable([]*gatehouse.API{
		petstore("pets", "/pets", nil),
		petstore("blocked", "/blocked", in(gatehouse.Blocked)),
		petstore("old", "/old", in(gatehouse.Deprecated)),
		petstore("created", "/created", in(gatehouse.Created)),
		petstore("trial", "/trial", in(gatehouse.Prototyped)),
		petstore("stranger", "/stranger", nil),
		petstore("live", "/live", func(a *gatehouse.API) { a.Sandbox = "" }),
		petstore("play", "/play", func(a *gatehouse.API) { a.Production = "" }),
		petstore("johns", "/pets", func(a *gatehouse.API) { a.OrgKey = "johnsorg" }),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

func petFacts() *facts {
	f := &facts{tokens: map[string]*gatehouse.Authorization{}, clients: map[string]*gatehouse.Client{}, counts: counts{seed: maphash.MakeSeed()}}
	token := func(name, key string, change func(*gatehouse.Authorization)) {
		a := &gatehouse.Authorization{
			ID: name, ConsumerKey: key, OrgKey: "default", KeyType: gatehouse.Production, For: gatehouse.ForUser, Scopes: []string{"read"}, ExpiresAt: gatehouse.EndOfTime,
		}
		if change != nil {
			change(a)
		}
		f.tokens[name] = a
	}
	token("user", "key", nil)
	token("update", "key", func(a *gatehouse.Authorization) { a.Scopes = []string{"read", "update"} })
	token("app", "key", func(a *gatehouse.Authorization) { a.For = gatehouse.ForApplication })
	token("sandbox", "key", func(a *gatehouse.Authorization) { a.KeyType = gatehouse.Sandbox })
	token("orphan", "gone", nil)
	token("unreachable", "unreachable", nil)
	token("foreign", "key", func(a *gatehouse.Authorization) { a.OrgKey = "johnsorg" })
	for _, s := range []gatehouse.SubscriptionState{gatehouse.SubscriptionBlock, gatehouse.ProductionBlocked, gatehouse.OnHold, gatehouse.Rejected, "NEW"} {
		key := strings.ToLower(string(s))
		token(key, key, nil)
		token(key+"-sandbox", key, func(a *gatehouse.Authorization) { a.KeyType = gatehouse.Sandbox })
		f.clients[key] = &gatehouse.Client{Subscriptions: []gatehouse.Subscription{{APIID: "pets", State: s}, {APIID: "trial", State: s}}}
	}
	subscribed := &gatehouse.Client{}
	for _, id := range []string{"pets", "blocked", "old", "live", "play", "johns"} {
		subscribed.Subscriptions = append(subscribed.Subscriptions, gatehouse.Subscription{APIID: id, State: gatehouse.Unblocked})
	}
	f.clients["key"] = subscribed
	return f
}

func TestDecide(t *testing.T) {
	const production, sandbox = "production.example", "sandbox.example"
	for _, tt := range []struct {
		name, call, authorization string
		want                      string // the backend's host, or status and code of a refusal
	}{
		{"a subscribed user", "GET /pets/v1/pets", "Bearer user", production},
		{"under the organization's key", "GET /t/default/pets/v1/pets", "Bearer user", production},
		{"a sandbox token", "GET /pets/v1/pets", "Bearer sandbox", sandbox},
		{"a slash at the end", "GET /pets/v1/pets/", "Bearer user", production},
		{"HEAD", "HEAD /pets/v1/pets", "Bearer user", production},
		{"check 112: the scheme in any case", "GET /pets/v1/pets", "bEARER user", production},
		{"one of the scopes", "POST /pets/v1/pets", "Bearer update", production},
		{"a deprecated API", "GET /old/v1/pets", "Bearer user", production},

		{"an unknown API comes first", "GET /nothing/v1/pets", "", "404 404"},
		{"an unknown organization", "GET /t/nobody/pets/v1/pets", "Bearer user", "404 404"},
		{"check 106: an API not yet published", "GET /created/v1/pets", "Bearer user", "404 404"},
		{"check 106: a blocked API, before credentials", "GET /blocked/v1/pets", "", "503 700700"},
		{"an unknown resource, before credentials", "GET /pets/v1/nothing", "", "404 404"},
		{"check 102: a wrong method, before credentials", "DELETE /pets/v1/pets", "", "405 405"},
		{"check 102: OPTIONS that is not defined", "OPTIONS /pets/v1/pets", "", "405 405"},
		{"check 102: OPTIONS that is defined", "OPTIONS /pets/v1/asks", "", production},

		{"no credentials", "GET /pets/v1/pets", "", "401 900902"},
		{"another scheme", "GET /pets/v1/pets", "Basic dXNlcjpwYXNz", "401 900902"},
		{"a scheme without a token", "GET /pets/v1/pets", "Bearer ", "401 900902"},
		{"check 112: a tab", "GET /pets/v1/pets", "Bearer\tuser", "401 900902"},
		{"check 112: two spaces", "GET /pets/v1/pets", "Bearer  user", "401 900901"},
		{"check 112: a list", "GET /pets/v1/pets", "Bearer user, Bearer user", "401 900901"},
		{"check 112: 16 KiB", "GET /pets/v1/pets", "Bearer " + strings.Repeat("a", 16<<10), "401 900901"},
		{"check 112: 16 KiB of =", "GET /pets/v1/pets", "Bearer user" + strings.Repeat("=", 16<<10), "401 900901"},
		{"an unknown token", "GET /pets/v1/pets", "Bearer nobody", "401 900901"},
		{"an expired token", "GET /pets/v1/pets", "Bearer expired", "401 900901"},
		{"check 106: the keys are gone", "GET /pets/v1/pets", "Bearer orphan", "401 900901"},
		{"the keys cannot be looked up", "GET /pets/v1/pets", "Bearer unreachable", "500 900900"},
		{"a token of another organization", "GET /pets/v1/pets", "Bearer foreign", "403 900908"},
		{"a token for another organization's API", "GET /t/johnsorg/pets/v1/pets", "Bearer user", "403 900908"},

		{"no token needed", "GET /pets/v1/open", "", production},
		{"no token needed, one sent that is not valid", "GET /pets/v1/open", "Bearer nobody", production},
		{"an application where one is wanted", "GET /pets/v1/app", "Bearer app", production},
		{"a user where an application is wanted", "GET /pets/v1/app", "Bearer user", "401 900905"},
		{"a user where one is wanted", "GET /pets/v1/user", "Bearer user", production},
		{"an application where a user is wanted", "GET /pets/v1/user", "Bearer app", "401 900905"},
		{"a resource without an auth type needs a token", "GET /pets/v1/unset", "", "401 900902"},

		{"no subscription", "GET /stranger/v1/pets", "Bearer user", "403 900908"},
		{"check 106: subscription blocked", "GET /pets/v1/pets", "Bearer blocked", "401 900907"},
		{"check 106: subscription blocked, sandbox", "GET /pets/v1/pets", "Bearer blocked-sandbox", "401 900907"},
		{"production blocked", "GET /pets/v1/pets", "Bearer prod_only_blocked", "401 900907"},
		{"production blocked, sandbox", "GET /pets/v1/pets", "Bearer prod_only_blocked-sandbox", sandbox},
		{"waiting for approval", "GET /pets/v1/pets", "Bearer on_hold", "401 900909"},
		{"rejected", "GET /pets/v1/pets", "Bearer rejected", "401 900909"},
		{"a state that nobody knows", "GET /pets/v1/pets", "Bearer new", "401 900909"},
		{"a prototype needs no subscription", "GET /trial/v1/pets", "Bearer user", production},
		{"a prototype needs a token", "GET /trial/v1/pets", "", "401 900902"},
		{"a prototype minds a blocked subscription", "GET /trial/v1/pets", "Bearer blocked", "401 900907"},

		{"none of the scopes", "POST /pets/v1/pets", "Bearer user", "403 900910"},
		{"subscription comes before scope", "POST /stranger/v1/pets", "Bearer user", "403 900908"},
		{"no sandbox", "GET /live/v1/pets", "Bearer sandbox", "403 900901"},
		{"no production", "GET /play/v1/pets", "Bearer user", "403 900901"},
		{"no production, no token", "GET /play/v1/open", "", "403 900901"},
		{"scope comes before endpoint", "POST /live/v1/pets", "Bearer sandbox", "403 900910"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.call, " ")
			d := Decide(petTable(t), petFacts(), &Head{Method: method, Path: path, Authorization: tt.authorization})
			if got := outcome(d); got != tt.want {
				t.Errorf("%s with %.30q: %s, want %s", tt.call, tt.authorization, got, tt.want)
			}
		})
	}
}

func outcome(d Decision) string {
	switch d.Outcome {
	case Forward:
		return d.Backend.targets[0].Host
	case Preflight:
		return "preflight " + d.Allow
	}
	return fmt.Sprint(d.Refusal.Status, " ", d.Refusal.Code)
}

func TestDecidePreflight(t *testing.T) {
	for call, want := range map[string]string{
		"OPTIONS /pets/v1/pets":    "preflight GET, HEAD, POST",
		"OPTIONS /pets/v1/asks":    "preflight OPTIONS",
		"OPTIONS /pets/v1/nothing": "404 404",
		"OPTIONS /nothing/v1/pets": "404 404",
		"OPTIONS /blocked/v1/pets": "503 700700",
		"GET /pets/v1/pets":        "401 900902", // the headers alone open nothing
	} {
		method, path, _ := strings.Cut(call, " ")
		d := Decide(petTable(t), &facts{broken: errors.New("must not be asked")}, &Head{Method: method, Path: path, Preflight: true})
		if got := outcome(d); got != want {
			t.Errorf("check 102: preflight %s: %s, want %s", call, got, want)
		}
	}
}

func TestDecisionKeepsTheCauseForTheLog(t *testing.T) {
	cause := errors.New("out of order")
	d := Decide(petTable(t), &facts{broken: cause}, &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: "Bearer user"})
	if outcome(d) != "500 900900" || !errors.Is(d.Err, cause) {
		t.Errorf("%s with error %v, want 500 900900 with the cause", outcome(d), d.Err)
	}
}

func TestRefusalOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name, call, authorization string
		want                      string // of the body, as key=value
		header                    string // name: value, or -name when it must not be there
	}{
		{"no token was sent: no error code", "GET /pets/v1/pets", "", "code=900902", `Www-Authenticate: Bearer realm="Gatehouse"`},
		{"an invalid token says so", "GET /pets/v1/pets", "Bearer nobody", "message=Invalid Credentials",
			`Www-Authenticate: Bearer realm="Gatehouse", error="invalid_token", error_description="Invalid Credentials. Make sure you have provided the correct security credentials"`},
		{"an expired token is told from an invalid one", "GET /pets/v1/pets", "Bearer expired", "description=The access token has expired. Get a new one with the refresh token or sign in again",
			`Www-Authenticate: Bearer realm="Gatehouse", error="invalid_token", error_description="The access token has expired. Get a new one with the refresh token or sign in again"`},
		{"a missing scope is named", "POST /pets/v1/pets", "Bearer user", "code=900910",
			`Www-Authenticate: Bearer realm="Gatehouse", error="insufficient_scope", error_description="The token holds none of the scopes that open this resource. Ask for one when you get the token", scope="update admin"`},
		{"no challenge where no token helps", "GET /stranger/v1/pets", "Bearer user", "code=900908", "-Www-Authenticate"},
		{"refusals are not kept", "GET /pets/v1/pets", "", "code=900902", "Cache-Control: no-store"},
		{"a blocked API", "GET /blocked/v1/pets", "", "type=API blocked", "-Www-Authenticate"},
		{"an unknown API", "GET /nothing/v1/pets", "", "type=Status report", "Content-Type: application/json;charset=utf-8"},
		{"an unknown resource", "GET /pets/v1/no", "", "description=No matching resource found for given API Request", "-Allow"},
		{"a wrong method names the right ones", "PUT /pets/v1/pets", "", "description=Method not allowed for given API resource", "Allow: GET, HEAD, POST"},
		{"no sandbox", "GET /live/v1/pets", "Bearer sandbox", "description=Sandbox key offered to the API with no sandbox endpoint", "-Www-Authenticate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.call, " ")
			d := Decide(petTable(t), petFacts(), &Head{Method: method, Path: path, Authorization: tt.authorization})
			w := httptest.NewRecorder()
			d.write(w, "")
			var body map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatalf("the body is no flat JSON of strings: %v", err)
			}
			if key, value, _ := strings.Cut(tt.want, "="); body[key] != value {
				t.Errorf("%s is %q, want %q", key, body[key], value)
			}
			if absent, ok := strings.CutPrefix(tt.header, "-"); ok {
				if w.Header()[absent] != nil {
					t.Errorf("%s is there: %q", absent, w.Header()[absent])
				}
			} else if name, value, _ := strings.Cut(tt.header, ": "); w.Header().Get(name) != value {
				t.Errorf("%s is %q, want %q", name, w.Header().Get(name), value)
			}
			if strings.Contains(w.Body.String(), path) {
				t.Error("the answer repeats the path")
			}
		})
	}
}

func FuzzCredentials(f *testing.F) {
	for _, seed := range []string{"Bearer a", "bearer  a", "Bearer", "Bearer a=", "Basic a", "DPoP a", "Bearer a,b", "Bearer \x00", "Bearer ="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, _, ok := credentials(header)
		if !ok || !validToken(token) {
			return
		}
		if !strings.HasSuffix(header, token) || len(token) > maxToken || strings.ContainsAny(token, " ,\t\r\n\x00\"\\") {
			t.Fatalf("%q was taken from %q", token, header)
		}
	})
}
