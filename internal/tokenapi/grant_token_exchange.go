package tokenapi

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// The token types of RFC 8693, section 3, that are taken.
const (
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeIDToken     = "urn:ietf:params:oauth:token-type:id_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
)

// maxActors bounds how many may act one for another: the chain of act claims.
const maxActors = 4

// tokenExchangeGrant trades a token for another that says less: fewer scopes, another
// audience, or who acts for its subject (RFC 8693). The subject token is an access token
// of the client's organization, or a JWT of an issuer that it trusts, for a client that
// may use the JWT bearer grant. The new token never says more, nor lasts longer.
type tokenExchangeGrant struct{ h *Handler }

func (g tokenExchangeGrant) authorize(ctx context.Context, req *request) (*grantee, error) {
	if req.client.Public() {
		return nil, &Error{Code: UnauthorizedClient, Description: "a public client may not exchange tokens"}
	}
	if t := req.form["requested_token_type"]; t != "" && t != typeAccessToken {
		return nil, &Error{Code: InvalidRequest, Description: "requested_token_type may be that of an access token only"}
	}
	target, err := g.target(ctx, req)
	if err != nil {
		return nil, err
	}
	var who *grantee
	switch req.form["subject_token_type"] {
	case typeAccessToken:
		who, err = g.fromAccessToken(ctx, req, target)
	case typeJWT, typeIDToken:
		if who, err = g.fromJWT(ctx, req); err == nil {
			who.audience = target
		}
	default:
		return nil, &Error{Code: InvalidRequest, Description: "subject_token_type may be that of an access token, an ID token or a JWT"}
	}
	if err != nil {
		return nil, err
	}
	if err := g.act(ctx, req, who); err != nil {
		return nil, err
	}
	who.single, who.issuedType = true, typeAccessToken
	return who, nil
}

// target returns for whom the new token is asked to be: resources (RFC 8707), and another
// application of the organization, by its consumer key. The issuer is in every token.
func (g tokenExchangeGrant) target(ctx context.Context, req *request) ([]string, error) {
	name := req.form["audience"]
	if name == "" || name == g.h.Issuer {
		return req.audience, nil
	}
	app, err := g.h.Clients.Client(ctx, name)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && app.Organization.ID != req.client.Organization.ID {
		return nil, &Error{Code: InvalidTarget, Description: "the audience is no application of this organization: name its consumer key, or the issuer"}
	}
	return append(slices.Clone(req.audience), name), err
}

// reach returns for whom a token is that is exchanged for a: whoever is asked for, when a
// was for everybody or for this very client, else some of those whom a was for.
func (req *request) reach(asked []string, a *gatehouse.Authorization) ([]string, error) {
	if len(asked) > 0 && slices.Contains(a.Audience, req.client.ConsumerKey) {
		return asked, nil
	}
	return withinAudience(asked, a.Audience)
}

func refusedSubject(why string, err error) error {
	return &Error{Code: InvalidRequest, Description: "the subject token is not valid, has ended, or is not this organization's", Err: errors.Join(errors.New(why), err)}
}

// fromAccessToken reads a subject token that is an access token of ours.
func (g tokenExchangeGrant) fromAccessToken(ctx context.Context, req *request, target []string) (*grantee, error) {
	a, err := g.token(ctx, req, req.form["subject_token"])
	if err != nil {
		return nil, err
	}
	if was, is := a.Binding, req.binding; was.JKT != "" && was.JKT != is.JKT || was.X5T != "" && was.X5T != is.X5T {
		return nil, &Error{Code: InvalidRequest, Description: "the subject token is bound to a key: prove that you have it"}
	}
	audience, err := req.reach(target, a)
	if err != nil {
		return nil, err
	}
	scopes, err := within(req.scopes, a.Scopes)
	if err != nil {
		return nil, &Error{Code: InvalidScope, Description: "an exchange may ask for scopes that the subject token has, not for others"}
	}
	who := &grantee{scopes: scopes, audience: audience, until: a.ExpiresAt, actor: a.Actor}
	if a.ConsumerKey == req.client.ConsumerKey {
		who.family = a.Family // it ends with the sign-in that it came from
	}
	if a.For == gatehouse.ForApplication {
		if a.ConsumerKey != req.client.ConsumerKey {
			return nil, refusedSubject("it speaks for another application", nil)
		}
		return who, nil
	}
	who.user, err = g.h.Users.Member(ctx, req.client.Organization.ID, a.Subject)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && who.user.Disabled {
		return nil, refusedSubject("its user is gone", err)
	}
	return who, err
}

// token reads an access token of the client's organization.
func (g tokenExchangeGrant) token(ctx context.Context, req *request, text string) (*gatehouse.Authorization, error) {
	if text == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter subject_token is missing, or actor_token where its type is given"}
	}
	a, err := g.h.active(ctx, req.client, text)
	if err == nil && a == nil {
		return nil, refusedSubject("it is not active here", nil)
	}
	return a, err
}

// fromJWT reads a subject token that is a trusted issuer's.
func (g tokenExchangeGrant) fromJWT(ctx context.Context, req *request) (*grantee, error) {
	if !req.client.MayUse(gatehouse.GrantJWTBearer) {
		return nil, &Error{Code: InvalidRequest, Description: "this application may exchange access tokens only: to bring an issuer's tokens it needs the grant type " + gatehouse.GrantJWTBearer}
	}
	a, err := g.h.readJWT(ctx, req.client, req.form["subject_token"])
	if err != nil {
		return nil, asSubject(err)
	}
	user, err := g.h.redeem(ctx, req.client, a)
	if err != nil {
		return nil, asSubject(err)
	}
	return &grantee{user: user, scopes: req.scopes, until: a.expires}, nil
}

// asSubject gives the refusal of an assertion the code that an exchange answers with.
func asSubject(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == InvalidGrant {
		return &Error{Code: InvalidRequest, Description: e.Description, Err: e.Err}
	}
	return err
}

// actor is an act claim (RFC 8693, section 4.1): who acts now, and for whom they act who
// acted before.
type actor struct {
	Subject  string          `json:"sub"`
	ClientID string          `json:"client_id,omitempty"`
	Actor    json.RawMessage `json:"act,omitempty"`
}

// act writes down who acts for the subject, when an actor token proves somebody.
func (g tokenExchangeGrant) act(ctx context.Context, req *request, who *grantee) error {
	text, kind := req.form["actor_token"], req.form["actor_token_type"]
	switch {
	case text == "" && kind == "": // without a value is as good as not sent (RFC 6749, section 3.2)
		return nil
	case text == "" || kind != typeAccessToken:
		return &Error{Code: InvalidRequest, Description: "actor_token must be an access token, and actor_token_type say so"}
	}
	a, err := g.token(ctx, req, text)
	if err != nil {
		return err
	}
	if actors(who.actor) >= maxActors {
		return &Error{Code: InvalidRequest, Description: "too many act one for another: at most 4"}
	}
	who.actor, err = json.Marshal(actor{Subject: a.Subject, ClientID: a.ConsumerKey, Actor: who.actor})
	if a.ExpiresAt.Before(who.until) {
		who.until = a.ExpiresAt
	}
	return err
}

// actors counts the links of a chain of act claims.
func actors(chain json.RawMessage) int {
	n := 0
	for len(chain) > 0 {
		var link actor
		if json.Unmarshal(chain, &link) != nil {
			return maxActors
		}
		n, chain = n+1, link.Actor
	}
	return n
}

// derive writes down what a token has from the one that it was exchanged for.
func (who *grantee) derive(a *gatehouse.Authorization) {
	a.Actor = who.actor
	if !who.until.IsZero() && who.until.Before(a.ExpiresAt) {
		a.ExpiresAt = who.until
	}
}
