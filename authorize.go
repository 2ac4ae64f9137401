package gatehouse

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"slices"
	"time"
)

// Lifetimes on the way through a browser.
const (
	CodeLifetime    = time.Minute      // of an authorization code
	CodeMemory      = 24 * time.Hour   // how long a second use of it is noticed
	PushedLifetime  = time.Minute      // of a pushed authorization request
	PendingLifetime = 10 * time.Minute // for a person to sign in and decide
)

// The values of the parameter prompt (OpenID Connect Core, section 3.1.2.1).
const (
	PromptNone          = "none"
	PromptLogin         = "login"
	PromptConsent       = "consent"
	PromptSelectAccount = "select_account"
)

// AuthorizationRequest is what a client asks of a person in a browser (RFC 6749, section
// 4.1.1; OpenID Connect Core, section 3.1.2.1), after it was checked: the client may ask
// it, and RedirectURI is one of the client's own.
type AuthorizationRequest struct {
	ConsumerKey string     `json:"client_id"`
	RedirectURI string     `json:"redirect_uri"`
	FormPost    bool       `json:"form_post,omitempty"` // the answer is posted, not put in the address
	State       string     `json:"state,omitempty"`
	Scopes      []string   `json:"scopes,omitempty"`
	Nonce       string     `json:"nonce,omitempty"`
	Challenge   string     `json:"code_challenge,omitempty"` // S256
	Prompt      []string   `json:"prompt,omitempty"`
	MaxAge      *int64     `json:"max_age,omitempty"` // seconds since the last sign-in
	LoginHint   string     `json:"login_hint,omitempty"`
	Subject     string     `json:"sub,omitempty"` // the one user who may answer, when the client knows them
	Audience    []string   `json:"resource,omitempty"`
	JKT         string     `json:"dpop_jkt,omitempty"`
	ClaimNames  ClaimNames `json:"claims,omitzero"`
	At          time.Time  `json:"at"`
}

// ClaimNames are the claims that a client asked for one by one (OpenID Connect Core,
// section 5.5), beside those that its scopes stand for.
type ClaimNames struct {
	IDToken  []string `json:"id_token,omitempty"`
	UserInfo []string `json:"userinfo,omitempty"`
}

// Asks reports whether r asks for a prompt.
func (r *AuthorizationRequest) Asks(prompt string) bool { return slices.Contains(r.Prompt, prompt) }

// Accepts reports whether somebody who signed in at a moment need not do so again. A
// sign-in after the request was made always does.
func (r *AuthorizationRequest) Accepts(signedIn, now time.Time) bool {
	switch {
	case !signedIn.Before(r.At):
		return true
	case r.Asks(PromptLogin), r.Asks(PromptSelectAccount):
		return false
	}
	return r.MaxAge == nil || now.Sub(signedIn) <= time.Duration(*r.MaxAge)*time.Second
}

// Pending is something that waits for its next step under a handle, which only the one
// who takes that step holds.
type Pending struct {
	Hash        string // HashToken of the handle
	Kind        PendingKind
	ConsumerKey string
	Says        []byte // JSON
	ExpiresAt   time.Time
}

// PendingKind says what waits.
type PendingKind string

// What may wait.
const (
	PendingPushed    PendingKind = "pushed"    // an AuthorizationRequest, for its browser to come (RFC 9126)
	PendingAuthorize PendingKind = "authorize" // an AuthorizationRequest, for a person to decide
	PendingLogout    PendingKind = "logout"    // a LogoutRequest, for a person to confirm
)

// NewHandle returns a handle for something Pending: 256 bits.
func NewHandle() string { return RandomText(43) }

// Code is an authorization code (RFC 6749, section 4.1.2), good for one use.
type Code struct {
	Hash        string
	Family      string // of every token that comes of it, so that a second use can end them
	ConsumerKey string
	UserID      string
	OrgKey      string
	Binds
	IssuedAt  time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero until it is used
	Revoked   bool      // some Revocation names it
}

// Binds is what a code is bound to, and what its tokens will say.
type Binds struct {
	RedirectURI string   `json:"redirect_uri"`
	Challenge   string   `json:"code_challenge,omitempty"`
	Scopes      []string `json:"scopes"`
	Audience    []string `json:"audience,omitempty"`
	JKT         string   `json:"dpop_jkt,omitempty"`
	SignIn      SignIn   `json:"sign_in"`
}

// NewCode returns a code that answers r for a user in the client's organization, and the
// text that the client is given.
func (c *Client) NewCode(r *AuthorizationRequest, userID string, scopes []string, in SignIn, now time.Time) (string, *Code) {
	text := RandomText(43)
	in.Nonce, in.ClaimNames = r.Nonce, r.ClaimNames
	return text, &Code{
		Hash: HashToken(text), Family: NewID(now), ConsumerKey: c.ConsumerKey, UserID: userID, OrgKey: c.Organization.Key,
		Binds:    Binds{RedirectURI: r.RedirectURI, Challenge: r.Challenge, Scopes: scopes, Audience: r.Audience, JKT: r.JKT, SignIn: in},
		IssuedAt: now, ExpiresAt: now.Add(CodeLifetime),
	}
}

// CodeUse is what presenting an authorization code leads to.
type CodeUse uint8

// What may come of it.
const (
	CodeRefused CodeUse = iota // somebody else's, expired, or not proven
	CodeGives                  // the first use: it gives tokens
	CodeReused                 // used before: a sign of theft, its tokens are revoked
)

// Use says what presenting c leads to for a client with keys k. A client that fails to
// prove what c is bound to does not use it up. jkt names the key that it has proven to
// hold (RFC 9449, section 10).
func (c *Code) Use(k *Keys, redirectURI, verifier, jkt string, now time.Time) CodeUse {
	switch {
	case c.ConsumerKey != k.ConsumerKey:
		return CodeRefused
	case !c.UsedAt.IsZero():
		return CodeReused
	case c.Revoked || !now.Before(c.ExpiresAt) || redirectURI != c.RedirectURI || c.JKT != "" && jkt != c.JKT || !proves(verifier, c.Challenge):
		return CodeRefused
	}
	return CodeGives
}

var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// proves reports whether a code_verifier is the one of an S256 challenge (RFC 7636,
// section 4.6). A verifier without a challenge proves that the challenge was taken away
// on its way (RFC 9700, section 4.8.2).
func proves(verifier, challenge string) bool {
	if verifier == "" || challenge == "" {
		return verifier == challenge
	}
	sum := sha256.Sum256([]byte(verifier))
	return verifierForm.MatchString(verifier) &&
		subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// Consent is what a user lets a client have.
type Consent struct {
	UserID      string
	ConsumerKey string
	Scopes      []string
	At          time.Time
}

// Covers reports whether nothing needs to be asked again for scopes.
func (c *Consent) Covers(scopes []string) bool {
	return c != nil && !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(c.Scopes, s) })
}

// LogoutRequest is what a client asks when a person signed out of it (OpenID Connect
// RP-Initiated Logout, section 2), after it was checked.
type LogoutRequest struct {
	ConsumerKey string `json:"client_id"`
	Subject     string `json:"sub,omitempty"` // whom the client's ID token named
	Session     string `json:"sid,omitempty"`
	RedirectURI string `json:"post_logout_redirect_uri,omitempty"`
	State       string `json:"state,omitempty"`
}
