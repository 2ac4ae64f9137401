package login_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestCheck39TheSessionChangesAtSignIn(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	a := s.get(c, "/login")
	set := a.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-session=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie %q lacks %s", set, want)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Error("the cookie must be for this host alone")
	}
	before := s.cookie(c)
	s.signIn(c, "jane", password)
	after := s.cookie(c)
	if before == "" || before == after {
		t.Fatal("the cookie did not change")
	}
	planted := s.browser()
	u, _ := url.Parse(s.URL)
	planted.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-session", Value: before, Secure: true, Path: "/"}})
	if got := s.get(planted, "/whoami").Body; got != "" {
		t.Errorf("the value from before sign-in is signed in as %s", got)
	}
}

func TestSigningInAgainEndsTheSessionBefore(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	s.signIn(c, "jane", password)
	old := s.cookie(c)
	csrf := s.post(c, "/login", nil).csrf(t) // the error page carries the token of this browser
	if a := s.post(c, "/login", url.Values{"csrf": {csrf}, "username": {"jane"}, "password": {password}}); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d, want 303", a.StatusCode)
	}
	other := s.browser()
	u, _ := url.Parse(s.URL)
	other.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-session", Value: old, Secure: true, Path: "/"}})
	if got := s.get(other, "/whoami").Body; got != "" {
		t.Error("the old session lives on")
	}
}

func TestCheck150SessionsEnd(t *testing.T) {
	s := newSite(t)
	signedIn := func() *http.Client {
		c := s.browser()
		s.signIn(c, "jane", password)
		if s.get(c, "/whoami").Body == "" {
			t.Fatal("not signed in")
		}
		return c
	}
	t.Run("two hours after the last request", func(t *testing.T) {
		c := signedIn()
		for range 3 {
			s.now = s.now.Add(gatehouse.SessionIdle - time.Minute)
			if s.get(c, "/whoami").Body == "" {
				t.Fatal("it ended while it was used")
			}
		}
		s.now = s.now.Add(gatehouse.SessionIdle)
		if s.get(c, "/whoami").Body != "" {
			t.Error("it lives on")
		}
	})
	t.Run("twelve hours after sign-in in any case", func(t *testing.T) {
		c := signedIn()
		for range 12 {
			s.now = s.now.Add(time.Hour)
			s.get(c, "/whoami")
		}
		if s.get(c, "/whoami").Body != "" {
			t.Error("it lives on")
		}
	})
	t.Run("at sign-out, on the server", func(t *testing.T) {
		c := signedIn()
		value := s.cookie(c)
		csrf := s.post(c, "/logout", nil).csrf(t)
		if a := s.post(c, "/logout", url.Values{"csrf": {csrf}}); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%d, want 303", a.StatusCode)
		}
		u, _ := url.Parse(s.URL)
		c.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-session", Value: value, Secure: true, Path: "/"}})
		if s.get(c, "/whoami").Body != "" {
			t.Error("the old cookie still opens it")
		}
	})
	t.Run("when the member is removed", func(t *testing.T) {
		c := signedIn()
		if err := s.people.RemoveMember(context.Background(), "default", "jane"); err != nil {
			t.Fatal(err)
		}
		if s.get(c, "/whoami").Body != "" {
			t.Error("it lives on")
		}
	})
}
