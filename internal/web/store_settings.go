package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/page"
)

// keysForm is what the form about keys holds, as it was typed.
type keysForm struct {
	Grants                 []string
	Callbacks              string // one a line
	Access, Refresh, Grace string // seconds
	Format, Algorithm      string
	RevokesBefore          bool
}

func keysFormOf(k *gatehouse.Keys) keysForm {
	in := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	return keysForm{
		Grants: k.Grants, Callbacks: strings.Join(k.Callbacks, "\n"), Access: in(k.Access), Refresh: in(k.Refresh), Grace: in(k.Grace), Format: string(k.Format),
		Algorithm: k.Algorithm, RevokesBefore: k.RevokesBefore,
	}
}

func readKeysForm(r *http.Request) keysForm {
	return keysForm{
		Grants: r.PostForm["grant"], Callbacks: strings.TrimSpace(r.PostFormValue("callbacks")), Access: r.PostFormValue("access"),
		Refresh: r.PostFormValue("refresh"), Grace: r.PostFormValue("grace"), Format: r.PostFormValue("format"),
		Algorithm: r.PostFormValue("algorithm"), RevokesBefore: r.PostFormValue("revokes") == "on",
	}
}

// newKeys reads the form over what the keys are now.
func (f keysForm) newKeys(k *gatehouse.Keys) (apistore.NewKeys, error) {
	n := apistore.NewKeys{
		Type: k.Type, Grants: f.Grants, Callbacks: strings.Fields(f.Callbacks), Format: gatehouse.TokenFormat(f.Format),
		Algorithm: f.Algorithm, RevokesBefore: f.RevokesBefore,
	}
	if len(f.Grants) == 0 {
		return n, gatehouse.Errorf(gatehouse.Invalid, "choose at least one way to a token")
	}
	for _, lifetime := range []struct {
		to   *time.Duration
		text string
	}{{&n.Access, f.Access}, {&n.Refresh, f.Refresh}, {&n.Grace, f.Grace}} {
		seconds, err := strconv.ParseInt(strings.TrimSpace(lifetime.text), 10, 32)
		if err != nil {
			return n, gatehouse.Errorf(gatehouse.Invalid, "a lifetime is a number of seconds, or -1 for an access token that never ends")
		}
		*lifetime.to = time.Duration(seconds) * time.Second
	}
	if n.Access == 0 || n.Refresh == 0 {
		return n, gatehouse.Errorf(gatehouse.Invalid, "a token must be good for a second or more")
	}
	return n, nil
}

// keysSettings changes what keys may do.
func (h *Handler) keysSettings(v *visit) error {
	t, err := gatehouse.ParseKeyType(v.r.PostFormValue("env"))
	if err != nil {
		return err
	}
	ctx, app, form := v.r.Context(), v.r.PathValue("app"), readKeysForm(v.r)
	k, err := h.Store.KeysByType(ctx, v.Member, app, t)
	if err != nil {
		return err
	}
	n, err := form.newKeys(k)
	if err == nil {
		_, err = h.Store.UpdateKeys(ctx, v.Member, app, n)
	}
	if err == nil {
		return v.redirect(keysPath(app, t) + "&done=keys")
	}
	message, ok := said(err)
	if !ok {
		return err
	}
	view, err := h.subscriptionsView(v)
	if err != nil {
		return err
	}
	view.Form, view.FormError = form, message
	return h.showSubscriptions(v, http.StatusConflict, view)
}

// grantChoice is a grant type as people choose it.
type grantChoice struct{ Grant, Label, Note string }

var grantChoices = []grantChoice{
	{gatehouse.GrantPassword, "Password", "The application sees the user's password. OAuth 2.1 drops it."},
	{gatehouse.GrantRefreshToken, "Refresh token", "The next token without asking the user again."},
	{gatehouse.GrantClientCredentials, "Client credentials", "For the application itself, without a user."},
	{gatehouse.GrantAuthorizationCode, "Authorization code", "The user signs in here, in a browser. It needs a callback URL."},
	{gatehouse.GrantDeviceCode, "Device code", "For what has no keyboard: the user answers in a browser."},
	{gatehouse.GrantJWTBearer, "JWT bearer", "A JWT of an issuer that the organization trusts."},
	{gatehouse.GrantSAML2Bearer, "SAML 2.0 bearer", "An assertion of a SAML provider that the organization trusts."},
	{gatehouse.GrantTokenExchange, "Token exchange", "A token for one that says less."},
}

func (f keysForm) has(grant string) bool { return slices.Contains(f.Grants, grant) }

var algorithms = []page.Option{{Value: "ES256", Label: "ES256"}, {Value: "RS256", Label: "RS256, for clients that know no other"}}

var formats = []page.Option{{Value: string(gatehouse.FormatJWT), Label: "JWT, read without a look-up"}, {Value: string(gatehouse.FormatOpaque), Label: "Opaque, a random text"}}
