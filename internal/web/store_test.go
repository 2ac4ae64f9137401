package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

func TestCatalogue(t *testing.T) {
	s := newSite(t)
	tests := []struct {
		name, as, path string
		status         int
		has, hasNot    string
	}{
		{"a visitor sees the default organization's Store", "", "/", 200, "No APIs yet", "Orders API"},
		{"a visitor sees another organization's Store", "", "/o/johnsorg/", 200, "/o/johnsorg/apis/" + s.api.ID, ""},
		{"a member sees their own Store", "dev@johnsorg", "/", 200, `"/apis/` + s.api.ID, "/o/johnsorg/apis/"},
		{"a member sees a foreign Store", "stranger", "/o/johnsorg/", 200, "Orders API", "Sign in"},
		{"a search finds", "dev@johnsorg", "/?q=customer", 200, "One API matches ‘customer’", ""},
		{"a search that finds nothing says so", "dev@johnsorg", "/?q=parcle", 200, "Nothing matches ‘parcle’", "Orders API"},
		{"a hostile search is text", "dev@johnsorg", "/?q=" + url.QueryEscape(`"><script>alert(1)</script>`), 200, "&lt;script&gt;", "<script>alert"},
		{"a search without an end is refused", "", "/?q=" + strings.Repeat("x", 300), 400, "at most 200 bytes", ""},
		{"an unknown organization is not there", "", "/o/nowhere/", 404, "There is nothing here", ""},
		{"an unknown page is not there", "", "/nowhere", 404, "There is nothing here", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := s.visitor()
			if test.as != "" {
				b = s.as(test.as)
			}
			a := b.get(test.path)
			a.want(t, test.status, test.has)
			if test.hasNot != "" && strings.Contains(mainOf(a.Body), test.hasNot) {
				t.Errorf("%s is there", test.hasNot)
			}
		})
	}
}

func TestLongCataloguesComeInPages(t *testing.T) {
	s := newSite(t)
	for i := range 55 {
		name, context := "Copy "+string(rune('a'+i%26))+string(rune('a'+i/26)), "/copy"+string(rune('a'+i%26))+string(rune('a'+i/26))
		a, _, err := s.pub.Import(t.Context(), s.john, []byte(orders(t)), publisher.Changes{Name: name, Context: context})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.pub.Do(t.Context(), s.john, a.ID, gatehouse.Publish); err != nil {
			t.Fatal(err)
		}
	}
	b := s.visitor()
	first, second, beyond := b.get("/o/johnsorg/"), b.get("/o/johnsorg/?page=2"), b.get("/o/johnsorg/?page=99999999999")
	first.want(t, 200, `href="/o/johnsorg/?page=2"`)
	if n := strings.Count(first.Body, "apicard"); n != 50 {
		t.Errorf("the first page has %d cards, want 50", n)
	}
	for _, a := range []answer{second, beyond} {
		if n := strings.Count(a.Body, "apicard"); n == 0 || n > 50 {
			t.Errorf("%s has %d cards", a.Request.URL, n)
		}
	}
}

func TestAPIPage(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	a := b.get("/apis/" + s.api.ID)
	a.want(t, 200, "Orders API", "Subscribe and get a token", "List orders", "any token", "open to all", "https://gateway.example/t/johnsorg/ordersapi/2.1", `value="Silver" checked`, `value="SANDBOX" checked`)
	b.get("/apis/"+s.api.ID+"?tier=Gold&env=PRODUCTION").want(t, 200, `value="Gold" checked`, `value="PRODUCTION" checked`)
	b.get("/apis/nothing").want(t, 404)
	s.as("stranger").get("/apis/"+s.api.ID).want(t, 404)
	s.as("stranger").get("/o/johnsorg/apis/"+s.api.ID).want(t, 200, "This API belongs to John&#39;s Organization.")
	document := b.get("/apis/" + s.api.ID + "/definition")
	if !strings.Contains(document.Body, "https://gateway.example/t/johnsorg/ordersapi/2.1") || !strings.Contains(document.Header.Get("Content-Disposition"), "openapi.json") {
		t.Errorf("the document is %q with %v", document.Body, document.Header)
	}
	for _, backend := range []string{"orders.example.org", "sandbox.example.org", "x-gatehouse"} { // check 135
		if strings.Contains(document.Body, backend) {
			t.Errorf("check 135: the document tells of %s", backend)
		}
	}
	if _, err := s.pub.Do(context.Background(), s.john, s.api.ID, gatehouse.Deprecate); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/apis/" + s.api.ID); strings.Contains(a.Body, "Subscribe and get a token") {
		t.Error("a deprecated API offers subscriptions")
	}
}

func TestCheck134HostileDescriptionsAreText(t *testing.T) {
	s := newSite(t)
	evil := `"><script>alert(1)</script><img src=x onerror=alert(2)> [x](javascript:alert(3)) {{7*7}}`
	a, _, err := s.pub.Import(t.Context(), s.john, []byte(strings.ReplaceAll(orders(t), "summary: List orders", `summary: '`+evil+`'`)), publisher.Changes{Name: "Evil", Context: "/evil", Description: &evil})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.pub.Do(t.Context(), s.john, a.ID, gatehouse.Publish); err != nil {
		t.Fatal(err)
	}
	b := s.as("paula@johnsorg")
	for _, path := range []string{"/", "/apis/" + a.ID, "/publisher", "/publisher/apis/" + a.ID} {
		got := b.get(path) // checkPage finds handlers and inline scripts
		if strings.Contains(got.Body, "<img") || strings.Contains(got.Body, "href=\"javascript") {
			t.Errorf("%s runs a description", path)
		}
	}
}

func TestSubscribeAndGetAToken(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	path := "/apis/" + s.api.ID
	form := url.Values{"tier": {"Gold"}, "env": {"PRODUCTION"}, "application": {""}}
	a := b.post(path, path+"/start", form)
	a.want(t, 200, "Your token is ready", "DefaultApplication", "shown once", `data-fill="$TOKEN #token"`, "cancel needs the role shift-lead.")
	token, secret := a.value(t, "token"), a.value(t, "secret")
	for what, value := range map[string]string{"token": token, "secret": secret} { // checks 10 and 151
		if n := strings.Count(a.Body, value); n != 1 {
			t.Errorf("the %s stands in %d places", what, n)
		}
		for _, page := range []string{path, "/subscriptions", "/"} {
			if strings.Contains(b.get(page).Body, value) {
				t.Errorf("%s shows the %s again", page, what)
			}
		}
		if strings.Contains(s.log.String(), value) || strings.Contains(a.Request.URL.String(), value) {
			t.Errorf("the %s is in the log or in the URL", what)
		}
	}
	b.get(path).want(t, 200, "DefaultApplication subscribes on Gold.")
	b.get("/").want(t, 200, "Subscribed")

	again := b.post(path, path+"/start", form)
	again.want(t, 200, "Your token is ready")
	if again.value(t, "token") == token || strings.Contains(again.Body, `id="secret"`) {
		t.Error("the second press must give another token, and no secret")
	}
}

func TestSubscribeIsRefusedWithAReason(t *testing.T) {
	s := newSite(t)
	path := "/apis/" + s.api.ID
	t.Run("without the form's token", func(t *testing.T) {
		s.as("dev@johnsorg").post(path, path+"/start", url.Values{"csrf": {"x"}}).want(t, 403, "out of date")
	})
	t.Run("by GET", func(t *testing.T) {
		s.as("dev@johnsorg").get(path+"/start").want(t, 404)
	})
	t.Run("for somebody else's application", func(t *testing.T) {
		b := s.as("dev@johnsorg")
		b.post(path, path+"/start", url.Values{"env": {"PRODUCTION"}}).want(t, 200)
		_, id, _ := strings.Cut(b.get("/subscriptions").Body, `action="/subscriptions/`)
		id, _, _ = strings.Cut(id, "/")
		s.as("cora@johnsorg").post(path, path+"/start", url.Values{"application": {id}}).want(t, 404)
	})
	t.Run("to a member of another organization", func(t *testing.T) {
		s.as("stranger").post("/", "/o/johnsorg"+path+"/start", nil).want(t, 404)
	})
}

func TestAVisitorSignsUpAndKeepsTheChoice(t *testing.T) {
	s := newSite(t)
	b := s.visitor()
	path := "/o/johnsorg/apis/" + s.api.ID
	a := b.post(path, path+"/start", url.Values{"tier": {"Gold"}, "env": {"PRODUCTION"}})
	a.want(t, http.StatusSeeOther)
	door := a.Header.Get("Location")
	if !strings.HasPrefix(door, "/signup?") {
		t.Fatalf("leads to %s", door)
	}
	query, err := url.ParseQuery(door[len("/signup?"):])
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"username": {"new@example.com"}, "password": {password}, "next": query["next"], "o": query["o"]}
	a = b.post(door, "/signup", form)
	a.want(t, http.StatusSeeOther)
	back := a.Header.Get("Location")
	b.get(back).want(t, 200, `value="Gold" checked`, `value="PRODUCTION" checked`, "Subscribe and get a token")
	b.post(back, path+"/start", url.Values{"tier": {"Gold"}, "env": {"PRODUCTION"}}).want(t, 200, "Your token is ready")
}
