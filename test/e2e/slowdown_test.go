package e2e

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"testing"
)

// doors are the ways in that take a password. Each reports what it answered.
func (h *house) doors(t *testing.T) map[string]func(p person, name string) reply {
	return map[string]func(p person, name string) reply{
		"token endpoint": func(p person, name string) reply {
			return h.post(t, "/token", h.app, url.Values{"grant_type": {"password"}, "username": {name}, "password": {p.password}}.Encode())
		},
		"sign-in page": func(p person, name string) reply { return h.signIn(t, name, p.password) },
		"registration": func(p person, name string) reply {
			r := request(t, http.MethodPost, h.Portal+"/client-registration/v0.17/register", `{"clientName":"x","grantType":"password"}`)
			r.Header.Set("Content-Type", "application/json")
			r.SetBasicAuth(name, p.password)
			return h.send(t, r)
		},
		"gateway": func(p person, name string) reply { return h.with(t, "GET", orgnews+"/articles", p.header(name)) },
	}
}

// signIn sends the form of the sign-in page from a browser of its own.
func (h *house) signIn(t *testing.T, name, password string) reply {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *h.client
	client.Jar = jar
	browser := &house{client: &client}
	page := browser.send(t, request(t, http.MethodGet, h.Portal+"/login", ""))
	field := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page.body)
	if field == nil {
		t.Fatalf("the page has no form: %s", page.body)
	}
	r := request(t, http.MethodPost, h.Portal+"/login", url.Values{"csrf": field[1:], "username": {name}, "password": {password}}.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", h.Portal)
	return browser.send(t, r)
}

// checks 9 and 153: what fails at one door counts at all of them, however the account is
// spelled, and a right password that is slowed down is answered like a wrong one.
func TestCheck153OneCounterForEveryDoor(t *testing.T) {
	h := furnish(t)
	h.secure(t, map[string]any{"securityScheme": []string{"oauth2", "basic_auth"}})
	ann := person{"ann@johns.org", "johnsorg", "Anns-canary-password"}
	h.person(t, ann, "subscriber")
	wrong := person{ann.name, ann.org, "a wrong password"}
	doors := h.doors(t)
	spellings := []string{ann.qualified(), ann.name, "ANN@johns.org@johnsorg"}
	answers := map[string]reply{}
	for i := range 5 {
		for name, door := range doors {
			answers[name] = door(wrong, spellings[i%len(spellings)])
		}
	}
	for name, door := range doors {
		got := door(ann, ann.qualified())
		if got.status == http.StatusOK || got.status == http.StatusSeeOther {
			t.Errorf("%s: the right password is let in after 15 wrong ones: %d", name, got.status)
		}
		if name == "token endpoint" {
			alike(t, "slowed down", answers[name], got)
		}
		if got.status != answers[name].status || got.header.Get("Retry-After") != "" {
			t.Errorf("%s: a slowed attempt is told apart: %d %v, a wrong password %d", name, got.status, got.header, answers[name].status)
		}
	}
	// John signed in from here before: he is let in, whatever happened to Ann.
	h.token(t, john, "read")
}

// check 131: X-Forwarded-For of somebody who is no trusted proxy is no other address; of
// one who is, it is.
func TestCheck131AddressesAreNotMadeUp(t *testing.T) {
	for name, row := range map[string]struct {
		proxies string
		slowed  bool
	}{"from anybody": {"none", true}, "from a trusted proxy": {"127.0.0.0/8", false}} {
		t.Run(name, func(t *testing.T) {
			h := furnish(t, "GATEHOUSE_TRUSTED_PROXIES="+row.proxies)
			ann := person{"ann@johns.org", "johnsorg", "Anns-canary-password"}
			h.person(t, ann, "subscriber")
			ask := func(i int, p person) reply {
				r := h.form(t, "/token", h.app, passwordForm(p, ""))
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
				return h.send(t, r)
			}
			for i := range 60 {
				ask(i, person{fmt.Sprint("nobody", i), "johnsorg", "a wrong password"}).fails(t, "nobody", http.StatusBadRequest, "invalid_grant")
			}
			if got := ask(200, ann); (got.status != http.StatusOK) != row.slowed {
				t.Errorf("after 60 wrong passwords by other names: %d %s", got.status, got.body)
			}
		})
	}
}
