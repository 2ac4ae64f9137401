package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// explained is an explanation as the Management API and the command line write it.
type explained struct {
	ID          string `json:"requestId"`
	Path        string `json:"path"`
	API         string `json:"api"`
	Application string `json:"application"`
	Allowed     bool   `json:"allowed"`
	Status      int    `json:"status"`
	Code        string `json:"code"`
	Steps       []struct{ Check, Result, Saw, Fix string }
}

// refusing is the check that refused.
func (e explained) refusing() string {
	for _, s := range e.Steps {
		if s.Result == "refused" {
			return s.Check + ": " + s.Saw + ": " + s.Fix
		}
	}
	return ""
}

func TestExplainTellsWhyACallWasRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		token := h.token(t, tom, "read").Access
		refused := h.call(t, http.MethodGet, orgnews+"/update?secret=canary-query", token)
		refused.is(t, "without the scope", http.StatusForbidden, "900910")
		id := refused.header.Get("X-Request-Id")
		const why = "the resource opens to the scope update; the token holds read"

		var got explained
		h.manage(t, john, http.MethodGet, publisherAPI+"/calls/"+id, nil, http.StatusOK, &got)
		if got.ID != id || got.Code != "900910" || got.API != "Orgnews 1.0.0" || got.Application != "Newsreader" || !strings.Contains(got.refusing(), why) {
			t.Errorf("the call is %+v", got)
		}
		if strings.Contains(got.Path, "canary") {
			t.Errorf("the query is told: %s", got.Path)
		}
		var calls struct{ List []explained }
		h.call(t, http.MethodGet, orgnews+"/articles", token).is(t, "a call that passes", http.StatusOK, "")
		h.manage(t, john, http.MethodGet, storeAPI+"/applications/"+h.app.id+"/calls", nil, http.StatusOK, &calls)
		if len(calls.List) != 2 || !calls.List[0].Allowed || calls.List[0].Status != http.StatusOK || calls.List[1].ID != id {
			t.Errorf("the application's calls are %+v", calls.List)
		}
		h.manage(t, tom, http.MethodGet, storeAPI+"/calls/"+id, nil, http.StatusNotFound, nil)
		h.manage(t, tom, http.MethodGet, storeAPI+"/applications/"+h.app.id+"/calls", nil, http.StatusNotFound, nil)

		var supposed explained
		question := map[string]any{"path": orgnews + "/update", "accessToken": token}
		h.manage(t, john, http.MethodPost, storeAPI+"/explain", question, http.StatusOK, &supposed)
		if supposed.Allowed || supposed.Status != http.StatusForbidden || !strings.Contains(supposed.refusing(), why) {
			t.Errorf("a call that nobody makes: %+v", supposed)
		}
		h.manage(t, tom, http.MethodPost, storeAPI+"/explain", question, http.StatusForbidden, nil)

		if said := h.Command(t, "", "explain", id); !strings.Contains(said, why) {
			t.Errorf("explain %s says %s", id, said)
		}
		if said := h.Command(t, token+"\n", "explain", "GET", orgnews+"/update", "--token-file", "-"); !strings.Contains(said, why) || !strings.Contains(said, "is refused with 403 900910") {
			t.Errorf("explain of a call that nobody makes says %s", said)
		}
		if said := h.Command(t, token+"\n", "explain", "GET", orgnews+"/articles", "--token-file", "-"); !strings.Contains(said, "is let through") {
			t.Errorf("explain of a call that would pass says %s", said)
		}
		h.manage(t, john, http.MethodPost, adminAPI+"/throttling/deny-policies", map[string]any{"conditionType": "USER", "conditionValue": tom.name}, http.StatusCreated, nil)
		if said := h.Command(t, token+"\n", "explain", "GET", orgnews+"/articles", "--token-file", "-"); !strings.Contains(said, "is refused with 403 900805") {
			t.Errorf("explain of a call that a deny policy keeps out says %s", said)
		}
	})
}
