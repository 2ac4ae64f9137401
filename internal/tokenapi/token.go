package tokenapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// request is what a grant may know of a token request. The client is authenticated and
// allowed to use the grant type.
type request struct {
	client *gatehouse.Client
	form   form
	scopes []string // asked for
	now    time.Time
	from   netip.Addr // of whoever asks

	binding  gatehouse.Binding // what the token will be bound to
	audience []string          // resources it was asked for
}

// grantee is whom a grant lets have a token, and what of.
type grantee struct {
	user      *gatehouse.Member       // nil means the application itself
	scopes    []string                // asked for; narrowed afterwards
	lifetime  time.Duration           // of the access token; 0 means the keys' own
	rotates   *gatehouse.RefreshToken // the refresh token that was used
	presented string                  // that token as the client sent it
	again     []byte                  // an answer that was given before and is due once more
	audience  []string                // nil means what was asked for
	binding   gatehouse.Binding       // set by the shared steps
	signIn    gatehouse.SignIn        // how the user proved who they are, for ID tokens

	single     bool            // no refresh token comes with it
	until      time.Time       // it lasts no longer
	family     string          // that it belongs to from the start, and ends with
	actor      json.RawMessage // who acts for the user
	issuedType string          // for the answer to an exchange
}

// grant answers one grant_type. It proves what the grant type asks for and says whom the
// token speaks for; authenticating the client, narrowing the scopes, minting and
// answering are done around it, so no grant can forget them.
type grant interface {
	authorize(ctx context.Context, req *request) (*grantee, error)
}

// grants is every grant type the Token API speaks.
func (h *Handler) grants() map[string]grant {
	return map[string]grant{
		gatehouse.GrantPassword:          passwordGrant{h.Users},
		gatehouse.GrantRefreshToken:      refreshTokenGrant{h},
		gatehouse.GrantClientCredentials: clientCredentialsGrant{},
		gatehouse.GrantDeviceCode:        deviceCodeGrant{h},
		gatehouse.GrantJWTBearer:         jwtBearerGrant{h},
		gatehouse.GrantSAML2Bearer:       saml2BearerGrant{h},
		gatehouse.GrantTokenExchange:     tokenExchangeGrant{h},
		gatehouse.GrantAuthorizationCode: authorizationCodeGrant{h},
	}
}

// token serves POST /token (RFC 6749, section 3.2).
func (h *Handler) token(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	name := f["grant_type"]
	g, known := h.grants()[name]
	if !known {
		return unknownGrant(name)
	}
	now := h.Now() // before anything is proven, so that a revocation meanwhile names the token
	client, err := h.authenticate(r, f)
	if err != nil {
		return err
	}
	if err := mayUse(client, name); err != nil {
		return err
	}
	h.announce(w, client, name)
	req, err := h.asked(r, client, f, now)
	if err != nil {
		return err
	}
	who, err := g.authorize(r.Context(), req)
	if err != nil {
		return err
	}
	if who.binding = req.binding; who.audience == nil {
		who.audience = req.audience
	}
	answer := who.again
	if answer == nil {
		if answer, err = h.mint(r.Context(), client, who, now); err != nil {
			return err
		}
	}
	h.used(client, name)
	respond.Text(w, http.StatusOK, answer)
	return nil
}

// asked reads what every grant may be asked for: scopes, resources, and a token bound to
// a key. The proof of the key comes last, because it is used up by being read.
func (h *Handler) asked(r *http.Request, client *gatehouse.Client, f form, now time.Time) (*request, error) {
	scopes, err := gatehouse.ParseScopes(f["scope"])
	if err != nil {
		return nil, &Error{Code: InvalidScope, Description: gatehouse.MessageOf(err)}
	}
	req := &request{client: client, form: f, scopes: scopes, now: now, from: h.Proxies.Address(r)}
	if req.audience, err = h.audience(client, f); err != nil {
		return nil, err
	}
	req.binding, err = h.binding(r, client)
	return req, err
}

func unknownGrant(name string) error {
	if name == "" {
		return &Error{Code: InvalidRequest, Description: "the parameter grant_type is missing"}
	}
	return &Error{Code: UnsupportedGrantType, Description: "this grant_type is not supported"}
}

// mayUse checks that the application lists the grant, and that its organization allows
// the password grant where that is the one.
func mayUse(c *gatehouse.Client, grant string) error {
	if !c.MayUse(grant) || grant == gatehouse.GrantPassword && !c.Organization.PasswordGrant {
		return &Error{Code: UnauthorizedClient, Description: "this application may not use the grant type " + grant}
	}
	return mayBePublic(c, grant)
}

// answer is a token response (RFC 6749, section 5.1).
type answer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	IssuedType   string `json:"issued_token_type,omitempty"` // RFC 8693, section 2.2.1
	IDToken      string `json:"id_token,omitempty"`          // OpenID Connect Core, section 3.1.3.3
}

// mint narrows the scopes, issues the access token, stores the refresh token where one
// is due, and returns the answer. All of it is issued at the moment now.
func (h *Handler) mint(ctx context.Context, c *gatehouse.Client, who *grantee, now time.Time) ([]byte, error) {
	scopes, err := h.narrow(ctx, c, who.user, who.scopes)
	if err != nil {
		return nil, err
	}
	a := c.Authorize(who.user, scopes, now)
	a.Binding, a.Audience, a.SignIn, a.Family = who.binding, h.restricted(who.audience), who.signIn, who.family
	if who.lifetime != 0 {
		a.Lives(who.lifetime)
	}
	who.derive(a)
	out := answer{Scope: strings.Join(a.Scopes, " "), TokenType: tokenType(a.Binding), ExpiresIn: a.ExpiresIn(now), IssuedType: who.issuedType}
	var first, next *gatehouse.RefreshToken
	switch {
	case who.rotates != nil:
		out.RefreshToken = gatehouse.NewRefreshToken()
		a.Family = who.rotates.Family
		next = who.rotates.Next(&c.Keys, out.RefreshToken, now)
	case who.presented != "": // it stays as it is
		out.RefreshToken = who.presented
	case who.user != nil && !who.single && c.MayUse(gatehouse.GrantRefreshToken):
		out.RefreshToken = gatehouse.NewRefreshToken()
		first = c.Issue(a, out.RefreshToken)
	}
	if out.AccessToken, err = h.Tokens.Issue(ctx, c, a); err != nil {
		return nil, unissued(err)
	}
	if who.issuedType == "" { // an exchange gives what was asked for and nothing beside it
		if out.IDToken, err = h.idToken(ctx, c, a, out.AccessToken, who.user); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(out)
	switch {
	case err != nil:
		return nil, err
	case first != nil:
		return text, overtaken(h.Refresh.CreateRefreshToken(ctx, first))
	case next != nil:
		return h.rotate(ctx, c, who, next, text)
	}
	return text, nil
}

// unissued gives its code to what keeps a token from being issued: of what a client
// chooses, only the scopes can.
func unissued(err error) error {
	if gatehouse.KindOf(err) == gatehouse.Invalid {
		return &Error{Code: InvalidScope, Description: gatehouse.MessageOf(err), Err: err}
	}
	return err
}

// overtaken is the error of a grant whose user or client was removed while it ran.
func overtaken(err error) error {
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return &Error{Code: InvalidGrant, Description: "the user or the application was removed a moment ago", Err: err}
	}
	return err
}
