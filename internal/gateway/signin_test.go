package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// paper seals for an organization by writing its name before the text.
type paper struct{}

func (paper) Open(orgID, sealed string) (string, error) {
	plain, ok := strings.CutPrefix(sealed, orgID+" ")
	if !ok {
		return "", errors.New("sealed for somebody else")
	}
	return plain, nil
}

func sealed(tb testing.TB, orgID, plain string) gatehouse.BackendSecret {
	tb.Helper()
	s := gatehouse.NewBackendSecret(plain)
	if err := s.Seal(func(plain string) (string, error) { return orgID + " " + plain, nil }); err != nil {
		tb.Fatal(err)
	}
	return s
}

// secured serves a backend that is shown who calls.
func secured(tb testing.TB, target string, s gatehouse.BackendSecurity, change func(*gateway.Gateway)) *httptest.Server {
	set := behind(gatehouse.Backend{Security: s})
	_, front := serve(tb, target, func(g *gateway.Gateway) {
		set(g)
		g.Secrets = paper{}
		if change != nil {
			change(g)
		}
	})
	return front
}

func TestBackendIsShownWhoCalls(t *testing.T) {
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["Authorization"], r.Header["X-Api-Key"])
	})
	for _, tt := range []struct {
		name     string
		security gatehouse.BackendSecurity
		want     string
	}{
		{"nothing", gatehouse.BackendSecurity{}, "[] [theirs]"},
		{"Basic", gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Username: "user", Password: sealed(t, "", "päss:word")}, "[Basic dXNlcjpww6Rzczp3b3Jk] [theirs]"},
		{"a key, over what the caller sent", gatehouse.BackendSecurity{Type: gatehouse.APIKeySecurity, Header: "x-api-key", Key: sealed(t, "", "ours")}, "[] [ours]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			front := secured(t, target, tt.security, nil)
			res, body := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nX-Api-Key: theirs\n\n")
			if res.StatusCode != 200 || body != tt.want {
				t.Errorf("the backend sees %d %s, want %s", res.StatusCode, body, tt.want)
			}
		})
	}
}

// A secret that was sealed for another organization, as somebody with the database in their
// hands could try, opens nothing.
func TestSecretsOfOthersDoNotOpen(t *testing.T) {
	target := newCounted(t, ok)
	front := secured(t, target.URL, gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Username: "u", Password: sealed(t, "other", "p")}, nil)
	if res, text, _ := send(t, front, "GET", ""); res.StatusCode != 502 || target.calls.Load() != 0 {
		t.Errorf("%d %s after %d calls", res.StatusCode, text, target.calls.Load())
	}
}

// tokenServer is a token endpoint whose tokens are t1, t2, ...
type tokenServer struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[string] // in place of a token, with a status before it
	forms  chan string
}

func newTokenServer(tb testing.TB) *tokenServer {
	s := &tokenServer{forms: make(chan string, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.asked.Add(1)
		id, secret, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		s.forms <- id + " " + secret + " " + string(body)
		if answer := s.answer.Load(); answer != nil {
			var status int
			fmt.Sscan(*answer, &status)
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			io.WriteString(w, (*answer)[4:])
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("t", n), "token_type": "bearer", "expires_in": 100})
	}))
	tb.Cleanup(s.Close)
	return s
}

func oauth(tb testing.TB, s *tokenServer) gatehouse.BackendSecurity {
	return gatehouse.BackendSecurity{
		Type: gatehouse.OAuthSecurity, Grant: gatehouse.BackendClientCredentials, TokenURL: s.URL + "/token", ClientID: "g w",
		ClientSecret: sealed(tb, "", "se+cret"), Parameters: map[string]string{"scope": "a b"},
	}
}

// A backend's token is got once, whoever calls, kept until shortly before its end, and
// renewed while the old one still serves.
func TestBackendTokenIsKept(t *testing.T) {
	target := backend(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	issuer := newTokenServer(t)
	var c clock
	front := secured(t, target, oauth(t, issuer), func(g *gateway.Gateway) { g.Now = c.Now })
	call := func(want ...string) {
		t.Helper()
		if _, text, _ := send(t, front, "GET", ""); !strings.Contains(strings.Join(want, "|"), text) {
			t.Errorf("the backend sees %s, want %s", text, want)
		}
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { call("Bearer t1") })
	}
	all.Wait()
	if n := issuer.asked.Load(); n != 1 {
		t.Errorf("20 calls at once asked for %d tokens", n)
	}
	if form := <-issuer.forms; form != "g+w se%2Bcret grant_type=client_credentials&scope=a+b" {
		t.Errorf("the token endpoint was sent %q", form)
	}
	c.forward(89 * time.Second)
	call("Bearer t1")
	c.forward(2 * time.Second) // in the last tenth of its life
	call("Bearer t1", "Bearer t2")
	<-issuer.forms // it was asked again, beside the call
	c.forward(20 * time.Second)
	call("Bearer t2")
	if n := issuer.asked.Load(); n != 2 {
		t.Errorf("%d tokens were asked for", n)
	}
}

func TestBackendTokenByPassword(t *testing.T) {
	issuer := newTokenServer(t)
	security := oauth(t, issuer)
	security.Grant, security.Username, security.Password, security.Parameters = gatehouse.BackendPassword, "u", sealed(t, "", "p&w"), nil
	front := secured(t, backend(t, ok), security, nil)
	send(t, front, "GET", "")
	want := "g+w se%2Bcret " + url.Values{"grant_type": {"password"}, "username": {"u"}, "password": {"p&w"}}.Encode()
	if form := <-issuer.forms; form != want {
		t.Errorf("the token endpoint was sent %q, want %q", form, want)
	}
}

// A token that the backend takes no more is replaced within the call, once; a body that was
// sent cannot be sent again, but the next call has a fresh token.
func TestBackendTokenThatIsRevoked(t *testing.T) {
	var good atomic.Pointer[string]
	target := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Header.Get("Authorization") != "Bearer "+*good.Load() {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	takes := func(token string) { good.Store(&token) }
	issuer := newTokenServer(t)
	front := secured(t, target.URL, oauth(t, issuer), nil)
	for _, step := range []struct {
		name         string
		takes        string
		method, body string
		status       int
		calls        int64 // of the backend, all together
		tokens       int64
	}{
		{"the first token", "t1", "GET", "", 200, 1, 1},
		{"it was revoked", "t2", "GET", "", 200, 3, 2},
		{"the next one", "t2", "POST", "body", 200, 4, 2},
		{"revoked again, with a body", "t3", "POST", "body", 401, 5, 2},
		{"the fresh one", "t3", "POST", "body", 200, 6, 3},
		{"none is taken", "none", "GET", "", 401, 8, 4},
	} {
		takes(step.takes)
		res, _, _ := send(t, front, step.method, step.body)
		if res.StatusCode != step.status || target.calls.Load() != step.calls || issuer.asked.Load() != step.tokens {
			t.Errorf("%s: %d after %d calls with %d tokens, want %d, %d, %d", step.name, res.StatusCode, target.calls.Load(), issuer.asked.Load(), step.status, step.calls, step.tokens)
		}
	}
}

// Without a token the backend is not called. The log says why, and neither it nor the
// caller reads a secret; a failed request is not made again for each call.
func TestBackendTokenThatIsNotGot(t *testing.T) {
	target := newCounted(t, ok)
	for name, answer := range map[string]string{
		"refused":                          `401 {"error":"invalid_client","error_description":"se+cret"}`,
		"check 140: a redirect":            `302 `,
		"check 140: a redirect that posts": `307 `,
		"no JSON":                          `200 se+cret`,
		"no token":                         `200 {}`,
		"no header could hold it":          `200 {"access_token":"a\r\nb"}`,
		"another kind":                     `200 {"access_token":"a","token_type":"DPoP"}`,
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newTokenServer(t)
			issuer.answer.Store(&answer)
			var log strings.Builder
			var mu sync.Mutex
			front := secured(t, target.URL, oauth(t, issuer), func(g *gateway.Gateway) {
				g.Log = slog.New(slog.NewTextHandler(locked{&mu, &log}, nil))
			})
			for range 3 {
				res, text, code := send(t, front, "GET", "")
				if res.StatusCode != 502 || code != "101500" || strings.Contains(text, "se+cret") || strings.Contains(text, "127.0.0.1") {
					t.Errorf("answer %d %s", res.StatusCode, text)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(log.String(), "the token endpoint") || strings.Contains(log.String(), "se+cret") {
				t.Errorf("the log: %s", log.String())
			}
			if issuer.asked.Load() != 1 || target.calls.Load() != 0 {
				t.Errorf("%d token requests, %d calls", issuer.asked.Load(), target.calls.Load())
			}
		})
	}
}

type locked struct {
	mu *sync.Mutex
	io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Writer.Write(p)
}
