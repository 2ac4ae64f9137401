package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Checks 65 and 66: a secret is shown whole once; another lives beside it; a revoked one
// is dead at once.
func TestSecretsRotate(t *testing.T) {
	h := furnish(t)
	keys := storeAPI + "/applications/" + h.app.id + "/oauth-keys/" + h.app.key
	var second struct{ SecretID, SecretValue string }
	h.manage(t, john, http.MethodPost, keys+"/generate-secret", map[string]any{"additionalProperties": map[string]string{}}, http.StatusCreated, &second)
	var list struct {
		List []struct{ SecretID, SecretValue string }
	}
	h.manage(t, john, http.MethodGet, keys+"/secrets", nil, http.StatusOK, &list)
	if len(list.List) != 2 || strings.Contains(fmt.Sprint(list), h.app.secret) || strings.Contains(fmt.Sprint(list), second.SecretValue) {
		t.Fatalf("the list of secrets: %v", list)
	}
	newer := application{h.app.id, h.app.key, second.SecretValue}
	for _, app := range []application{h.app, newer} {
		if r := h.post(t, "/token", app, passwordForm(john, "")); r.status != http.StatusOK {
			t.Errorf("one of two secrets: %d %s", r.status, r.body)
		}
	}
	for _, s := range list.List {
		if s.SecretID != second.SecretID {
			h.manage(t, john, http.MethodPost, keys+"/revoke-secret", map[string]string{"secretId": s.SecretID}, http.StatusNoContent, nil)
		}
	}
	h.post(t, "/token", h.app, passwordForm(john, "")).fails(t, "the revoked secret", http.StatusUnauthorized, "invalid_client")
	if r := h.post(t, "/token", newer, passwordForm(john, "")); r.status != http.StatusOK {
		t.Errorf("the other secret: %d %s", r.status, r.body)
	}
}

// Checks 4 and 8 of the form itself: what is damaged is refused, never guessed.
func TestDamagedForms(t *testing.T) {
	h := furnish(t)
	for _, body := range []string{"grant_type=password&username=%zz&password=x", "grant_type=password&scope=%", "%=a&grant_type=password"} {
		h.post(t, "/token", h.app, body).fails(t, body, http.StatusBadRequest, "invalid_request")
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"ghr_" + strings.Repeat("x", 80)}} // check 26
	h.post(t, "/token", h.app, form.Encode()).fails(t, "a refresh token of another length", http.StatusBadRequest, "invalid_grant")
}
