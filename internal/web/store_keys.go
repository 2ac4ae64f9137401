package web

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// generateKeys shows the consumer secret in its answer and never again: the page that
// the browser loads next does not have it, and sending the form once more is refused.
func (h *Handler) generateKeys(v *visit) error {
	t, err := gatehouse.ParseKeyType(v.r.PostFormValue("env"))
	if err != nil {
		return err
	}
	_, secret, err := h.Store.GenerateKeys(v.r.Context(), v.Member, v.r.PathValue("app"), apistore.NewKeys{Type: t})
	return h.withSecret(v, secret, err)
}

func (h *Handler) addSecret(v *visit) error {
	t, err := gatehouse.ParseKeyType(v.r.PostFormValue("env"))
	if err != nil {
		return err
	}
	secret, _, err := h.Store.AddSecret(v.r.Context(), v.Member, v.r.PathValue("app"), t, v.r.PostFormValue("name"), time.Time{})
	return h.withSecret(v, secret, err)
}

// withSecret answers with the page of the keys, and on it the secret or why there is
// none.
func (h *Handler) withSecret(v *visit, secret string, failure error) error {
	message, ok := said(failure)
	if failure != nil && !ok {
		return failure
	}
	view, err := h.subscriptionsView(v)
	if err != nil {
		return err
	}
	view.Error = message
	status := http.StatusConflict
	if failure == nil {
		view.Secret, status = secret, http.StatusOK
	}
	return h.showSubscriptions(v, status, view)
}

func (h *Handler) revokeSecret(v *visit) error {
	t, err := gatehouse.ParseKeyType(v.r.PostFormValue("env"))
	if err != nil {
		return err
	}
	if err := h.Store.RevokeSecret(v.r.Context(), v.Member, v.r.PathValue("app"), t, v.r.PostFormValue("secret")); err != nil {
		return err
	}
	return v.redirect(keysPath(v.r.PathValue("app"), t) + "&done=revoked")
}
