package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// used is an answer about usage.
type used struct {
	List []struct {
		Calls                 int64
		Resource, Class, Code string
	}
}

func (u used) calls() (n int64) {
	for _, row := range u.List {
		n += row.Calls
	}
	return n
}

func TestUsageIsCounted(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		token := h.token(t, tom, "read").Access
		const passed, refused = 7, 3
		for range passed {
			h.call(t, http.MethodGet, orgnews+"/articles/1", token).is(t, "a call", http.StatusOK, "")
		}
		for range refused {
			h.call(t, http.MethodGet, orgnews+"/update", token).is(t, "a call without the scope", http.StatusForbidden, "900910")
		}
		ask := func(path string) (u used) {
			h.manage(t, john, http.MethodGet, path, nil, http.StatusOK, &u)
			return u
		}
		of := ask(storeAPI + "/applications/" + h.app.id + "/usage?unit=minute&by=resource,class,code")
		got := map[string]int64{}
		for _, row := range of.List {
			got[row.Resource+" "+row.Class+" "+row.Code] = row.Calls
		}
		if len(got) != 2 || got["GET /articles/{id} 2xx "] != passed || got["GET /update 4xx 900910"] != refused {
			t.Errorf("the application's usage is %v", got)
		}
		if n := ask(publisherAPI + "/apis/" + h.api + "/usage?unit=day").calls(); n != passed+refused {
			t.Errorf("the API was called %d times in a day, want %d", n, passed+refused)
		}
		metrics := h.send(t, request(t, http.MethodGet, h.Ops+"/metrics", "")).body
		for _, line := range []string{`gatehouse_api_calls_total{code="",status="2xx"} 7`, `gatehouse_api_calls_total{code="900910",status="4xx"} 3`, "gatehouse_api_call_seconds_count 10"} {
			if !strings.Contains(metrics, line+"\n") {
				t.Errorf("the metrics do not say %s", line)
			}
		}
		h.manage(t, tom, http.MethodGet, publisherAPI+"/usage", nil, http.StatusForbidden, nil)

		for range passed {
			h.call(t, http.MethodGet, orgnews+"/articles/1", token).is(t, "a call", http.StatusOK, "")
		}
		if code := h.Stop(t); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		h.Restart(t)
		h.client.CloseIdleConnections()
		if n := ask(publisherAPI + "/usage?unit=hour").calls(); n != 2*passed+refused {
			t.Errorf("after a stop %d calls are counted, want %d", n, 2*passed+refused)
		}

		h.call(t, http.MethodGet, orgnews+"/articles/1", token) // R32: in danger for one flush interval
		h.Kill()
		h.Restart(t)
		h.client.CloseIdleConnections()
		if n := ask(publisherAPI + "/usage?unit=hour&from=" + time.Now().Add(-24*time.Hour).UTC().Format(time.RFC3339)).calls(); n < 2*passed+refused || n > 2*passed+refused+1 {
			t.Errorf("after a kill %d calls are counted", n)
		}
	})
}
