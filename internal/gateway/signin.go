package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Secrets opens what was sealed for an organization.
type Secrets interface {
	Open(orgID, sealed string) (plain string, err error)
}

// errSignIn is in the chain of the error for a call that the gateway could not sign in.
var errSignIn = errors.New("the gateway has no token for the backend")

// signIn shows a backend who calls: by a header that is always the same, or by a token.
type signIn struct {
	header string
	value  []string
	tokens *tokens // nil for a fixed value
}

// newSignIn opens the secrets of a backend's security; nil when there is none.
func (ls *lines) newSignIn(g *Gateway, b *Backend, open func(gatehouse.BackendSecret) (string, error)) (*signIn, error) {
	s := &b.Security
	switch s.Type {
	case gatehouse.BasicSecurity:
		password, err := open(s.Password)
		return &signIn{header: "Authorization", value: []string{basic(s.Username, password)}}, err
	case gatehouse.APIKeySecurity:
		key, err := open(s.Key)
		return &signIn{header: http.CanonicalHeaderKey(s.Header), value: []string{key}}, err
	case gatehouse.OAuthSecurity:
		tokens, err := ls.newTokens(g, b, open)
		return &signIn{header: "Authorization", tokens: tokens}, err
	}
	return nil, nil
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// sign puts the credentials in a request's header, over what the caller wrote there.
func (s *signIn) sign(ctx context.Context, h http.Header) error {
	value := s.value
	if s.tokens != nil {
		var err error
		if value, err = s.tokens.get(ctx); err != nil {
			return fmt.Errorf("%w: %w", errSignIn, err)
		}
	}
	h[s.header] = value
	return nil
}

// Limits of token requests.
const (
	tokenTimeout  = 10 * time.Second
	maxTokenBody  = 64 << 10
	unsaidLife    = 5 * time.Minute // of a token whose end is not told
	renewBefore   = time.Minute     // its end, or a tenth of its life
	failureRest   = time.Second     // after a failed token request
	maxTokenError = 60              // bytes of the error code that are logged
)

// tokens gets a backend's access token and keeps it until shortly before its end. One
// request at a time is made, however many calls wait for it; it belongs to none of them.
type tokens struct {
	url           string
	form          string
	authorization string
	pool          *pool
	now           func() time.Time
	ends          context.Context

	mu      sync.Mutex
	token   accessToken
	request *tokenRequest // the request that runs
	rest    time.Time     // no request before
	failure error         // of the last one
}

type accessToken struct {
	header     []string
	renew, end time.Time
}

type tokenRequest struct {
	done chan struct{} // closed when header and err are there
	accessToken
	err error
}

func (ls *lines) newTokens(g *Gateway, b *Backend, open func(gatehouse.BackendSecret) (string, error)) (*tokens, error) {
	s := &b.Security
	secret, err := open(s.ClientSecret)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	for name, value := range s.Parameters {
		form.Set(name, value)
	}
	form.Set("grant_type", "client_credentials")
	if s.Grant == gatehouse.BackendPassword {
		password, err := open(s.Password)
		if err != nil {
			return nil, err
		}
		form.Set("grant_type", "password")
		form.Set("username", s.Username)
		form.Set("password", password)
	}
	e, err := parseEndpoint(s.TokenURL)
	if err != nil {
		return nil, err
	}
	p, err := ls.pools.join(g, poolKey{origin: e.Scheme + "://" + e.Host, connect: tokenTimeout, firstByte: tokenTimeout, ca: b.TLS.CA}, b.roots)
	if err != nil {
		return nil, err
	}
	return &tokens{
		url: s.TokenURL, form: form.Encode(), authorization: basic(url.QueryEscape(s.ClientID), url.QueryEscape(secret)), // RFC 6749, section 2.3.1
		pool: p, now: g.Now, ends: ls.ends,
	}, nil
}

// get returns the value of the Authorization header. A token that is still good is given
// while the next one is on its way.
func (s *tokens) get(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	now := s.now()
	if now.Before(s.token.renew) {
		defer s.mu.Unlock()
		return s.token.header, nil
	}
	if s.request == nil && !now.Before(s.rest) {
		s.request = &tokenRequest{done: make(chan struct{})}
		go s.make(s.request)
	}
	r, good, failure := s.request, s.token, s.failure
	s.mu.Unlock()
	switch {
	case now.Before(good.end):
		return good.header, nil
	case r == nil:
		return nil, failure
	}
	select {
	case <-r.done:
		return r.header, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drop forgets a token that the backend does not take, unless there is another already.
func (s *tokens) drop(header []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(header) == 1 && len(s.token.header) == 1 && header[0] == s.token.header[0] {
		s.token = accessToken{}
	}
}

func (s *tokens) make(r *tokenRequest) {
	ctx, cancel := context.WithTimeout(s.ends, tokenTimeout)
	defer cancel()
	r.accessToken, r.err = s.ask(ctx)
	s.mu.Lock()
	s.request, s.failure = nil, r.err
	if r.err != nil {
		s.rest = s.now().Add(failureRest)
	} else {
		s.token = r.accessToken
	}
	s.mu.Unlock()
	close(r.done)
}

// ask makes one token request (RFC 6749, sections 4.3 and 4.4). It goes to the address of
// the settings alone: a redirect is a failure.
func (s *tokens) ask(ctx context.Context) (accessToken, error) {
	asked := s.now()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(s.form))
	if err != nil {
		return accessToken{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", s.authorization)
	res, err := s.pool.RoundTrip(r)
	if err != nil {
		return accessToken{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxTokenBody))
	if err != nil {
		return accessToken{}, err
	}
	return readToken(res.StatusCode, text, asked)
}

// readToken reads the answer of a token endpoint (RFC 6749, sections 5.1 and 5.2). What
// it says beside its error code goes nowhere: it may repeat what was sent.
func readToken(status int, text []byte, now time.Time) (accessToken, error) {
	var answer struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"` // a number, or one in quotes
		Error       string          `json:"error"`
	}
	err := json.Unmarshal(text, &answer)
	switch {
	case status != http.StatusOK:
		return accessToken{}, fmt.Errorf("the token endpoint answers %d %q", status, answer.Error[:min(len(answer.Error), maxTokenError)])
	case err != nil:
		return accessToken{}, errors.New("the token endpoint's answer is no JSON object")
	case !validToken(answer.AccessToken):
		return accessToken{}, errors.New("the token endpoint's answer holds no access_token of RFC 6750")
	case answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "Bearer"):
		return accessToken{}, errors.New("the token endpoint gives tokens of another type than Bearer")
	}
	life := unsaidLife
	var seconds int64
	if err := json.Unmarshal([]byte(strings.Trim(string(answer.ExpiresIn), `"`)), &seconds); err == nil && seconds > 0 {
		life = time.Duration(min(seconds, 365*24*3600)) * time.Second
	}
	end := now.Add(life)
	return accessToken{[]string{"Bearer " + answer.AccessToken}, end.Add(-min(renewBefore, life/10)), end.Add(-min(time.Second, life/20))}, nil
}
