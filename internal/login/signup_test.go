package login_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestSignUp(t *testing.T) {
	s := newSite(t)
	signUp := func(c *http.Client, form url.Values) answer {
		form.Set("csrf", s.get(c, "/signup?o="+form.Get("o")).csrf(t))
		return s.post(c, "/signup", form)
	}
	t.Run("makes a subscriber, signed in, and leads back", func(t *testing.T) {
		c := s.browser()
		a := signUp(c, url.Values{"username": {"New@Example.com"}, "name": {"New"}, "password": {password}, "o": {"johnsorg"}, "next": {"/apis/1?tier=Gold"}})
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/apis/1?tier=Gold" {
			t.Fatalf("%d to %q: %.300s", a.StatusCode, a.Header.Get("Location"), a.Body)
		}
		if got := s.get(c, "/whoami").Body; got != "new@example.com@johnsorg" {
			t.Errorf("signed in as %q", got)
		}
	})
	for _, test := range []struct {
		name, username, password string
		status                   int
		says                     string
	}{
		{"a short password", "a@b.example", "short", 400, "that password has 5 characters"},
		{"no username", "", password, 400, "username is an e-mail address"},
		{"a hostile username", `"><script>alert(1)</script>`, password, 400, "username is an e-mail address"},
		{"the username as password", "12345678", "12345678", 400, "must not be the username"},
		{"a username that is taken", "jane", password, 409, "the username jane is taken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := signUp(s.browser(), url.Values{"username": {test.username}, "password": {test.password}})
			if a.StatusCode != test.status || !strings.Contains(strings.ToLower(a.Body), strings.ToLower(test.says)) {
				t.Errorf("%d, want %d and %q: %s", a.StatusCode, test.status, test.says, a.Body)
			}
			if strings.Contains(a.Body, "<script>alert") || strings.Contains(a.Body, `value="`+test.password+`"`) && test.username != test.password {
				t.Error("the page runs what was typed, or repeats the password")
			}
		})
	}
	t.Run("is refused where the organization does not want it", func(t *testing.T) {
		if err := s.people.UpdateOrganization(context.Background(), "johnsorg", func(o *gatehouse.Organization) { o.SignUp = false }); err != nil {
			t.Fatal(err)
		}
		c := s.browser()
		if a := s.get(c, "/signup?o=johnsorg"); !strings.Contains(a.Body, "makes its accounts itself") || strings.Contains(a.Body, `type="password"`) {
			t.Error("the page must say so")
		}
		if a := signUp(c, url.Values{"username": {"x@y.example"}, "password": {password}, "o": {"johnsorg"}}); a.StatusCode != http.StatusForbidden {
			t.Errorf("%d, want 403", a.StatusCode)
		}
	})
	t.Run("of an unknown organization is not there", func(t *testing.T) {
		if a := s.get(s.browser(), "/signup?o=nowhere"); a.StatusCode != http.StatusNotFound {
			t.Errorf("%d, want 404", a.StatusCode)
		}
	})
}
