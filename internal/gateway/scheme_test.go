package gateway

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// APIKey, Person and Presented are facts by what they are asked with.

func (f *facts) APIKey(key string) (*gatehouse.APIKey, *gatehouse.Client, error) {
	if f.broken != nil {
		return nil, nil, f.broken
	}
	k := f.keys[key]
	if k == nil {
		return nil, nil, gatehouse.Errorf(gatehouse.NotFound, "no such key")
	}
	if !k.Live(noon) {
		return k, nil, errKeyEnded
	}
	return k, f.clients[k.ApplicationID], nil
}

func (f *facts) Person(orgKey, name, password string) (*gatehouse.Authorization, error) {
	switch {
	case f.broken != nil:
		return nil, f.broken
	case password == "busy":
		return nil, gatehouse.Errorf(gatehouse.Unavailable, "too many")
	case name != "john" || password != "p:w":
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "unknown user or wrong password")
	}
	return &gatehouse.Authorization{OrgKey: orgKey, KeyType: gatehouse.Production, For: gatehouse.ForUser, Username: name + "@" + orgKey, Scopes: []string{"update"}, ExpiresAt: gatehouse.EndOfTime}, nil
}

// Internal holds for the API that the key names.
func (f *facts) Internal(key string) (*gatehouse.Authorization, error) {
	if key == "bad" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "no such key")
	}
	return &gatehouse.Authorization{OrgKey: "default", KeyType: gatehouse.Production, For: gatehouse.ForUser, Audience: []string{key}, ExpiresAt: gatehouse.EndOfTime}, nil
}

func (f *facts) Presented(of *certificates) *gatehouse.ClientCertificate {
	return of.match(f.chain, noon)
}

// secured is a table of petstores under the names of their securities.
func secured(t testing.TB, securities map[string]gatehouse.Security) *Table {
	t.Helper()
	var apis []*gatehouse.API
	for name, s := range securities {
		a := petstore("pets", "/"+name, func(a *gatehouse.API) { a.Settings.Security = s })
		a.ID = name
		apis = append(apis, a)
	}
	table, err := NewTable(apis)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// keyed is an API key with a name for its text.
func keyed(name string) string { return "ghk_" + name + strings.Repeat("0", 40-len(name)) }

func schemeFacts() *facts {
	f := petFacts()
	f.keys = map[string]*gatehouse.APIKey{}
	subscribed := &gatehouse.Client{}
	for _, id := range []string{"keys", "any", "custom", "both"} {
		subscribed.Subscriptions = append(subscribed.Subscriptions, gatehouse.Subscription{APIID: id, State: gatehouse.Unblocked})
	}
	f.clients["app"] = subscribed
	f.clients["key"] = subscribed
	f.clients["blocked"] = &gatehouse.Client{Subscriptions: []gatehouse.Subscription{{APIID: "keys", State: gatehouse.SubscriptionBlock}}}
	key := func(name string, change func(*gatehouse.APIKey)) {
		k := &gatehouse.APIKey{ID: name, OrgKey: "default", Type: gatehouse.Production, ApplicationID: "app"}
		if change != nil {
			change(k)
		}
		f.keys[keyed(name)] = k
	}
	key("good", nil)
	key("sandbox", func(k *gatehouse.APIKey) { k.Type = gatehouse.Sandbox })
	key("blocked", func(k *gatehouse.APIKey) { k.ApplicationID = "blocked" })
	key("unsubscribed", func(k *gatehouse.APIKey) { k.ApplicationID = "stranger" })
	key("loose", func(k *gatehouse.APIKey) { k.ApplicationID, k.APIID = "", "keys" })
	key("ours", func(k *gatehouse.APIKey) { k.APIID = "keys" })
	key("theirs", func(k *gatehouse.APIKey) { k.APIID = "any" })
	key("ended", func(k *gatehouse.APIKey) { k.ExpiresAt = noon })
	key("foreign", func(k *gatehouse.APIKey) { k.OrgKey = "johnsorg" })
	key("near", func(k *gatehouse.APIKey) { k.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	key("page", func(k *gatehouse.APIKey) { k.Referers = []string{"*.a.com/*"} })
	return f
}

func basicHeader(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestSchemes(t *testing.T) {
	table := secured(t, map[string]gatehouse.Security{
		"tokens": {},
		"keys":   {Schemes: []gatehouse.Scheme{gatehouse.SchemeAPIKey}},
		"people": {Schemes: []gatehouse.Scheme{gatehouse.SchemeBasic}},
		"any":    {Schemes: []gatehouse.Scheme{gatehouse.SchemeOAuth2, gatehouse.SchemeAPIKey, gatehouse.SchemeBasic}},
		"custom": {Schemes: []gatehouse.Scheme{gatehouse.SchemeOAuth2, gatehouse.SchemeAPIKey}, Header: "x-token", KeyHeader: "X-Key"},
	})
	const production = "production.example"
	for _, tt := range []struct {
		name, call string
		headers    []string // name: value
		want       string
	}{
		{"a key", "GET /keys/v1/pets", []string{"Apikey: " + keyed("good")}, production},
		{"a key in the query", "GET /keys/v1/pets?a=b&apikey=" + keyed("good"), nil, production},
		{"a sandbox key", "GET /keys/v1/pets", []string{"Apikey: " + keyed("sandbox")}, "sandbox.example"},
		{"a key opens what scopes guard", "POST /keys/v1/pets", []string{"Apikey: " + keyed("good")}, production},
		{"a key of one API", "GET /keys/v1/pets", []string{"Apikey: " + keyed("ours")}, production},
		{"check 106: a key of another API", "GET /keys/v1/pets", []string{"Apikey: " + keyed("theirs")}, "403 900908"},
		{"check 106: a key whose application is not subscribed", "GET /keys/v1/pets", []string{"Apikey: " + keyed("unsubscribed")}, "403 900908"},
		{"check 106: a key that no application has taken up", "GET /keys/v1/pets", []string{"Apikey: " + keyed("loose")}, "403 900908"},
		{"check 106: a key whose subscription is blocked", "GET /keys/v1/pets", []string{"Apikey: " + keyed("blocked")}, "401 900907"},
		{"a key of another organization", "GET /keys/v1/pets", []string{"Apikey: " + keyed("foreign")}, "403 900908"},
		{"a key that has ended", "GET /keys/v1/pets", []string{"Apikey: " + keyed("ended")}, "401 900901"},
		{"an unknown key", "GET /keys/v1/pets", []string{"Apikey: " + keyed("nobody")}, "401 900901"},
		{"what is no key", "GET /keys/v1/pets", []string{"Apikey: hello"}, "401 900901"},
		{"a key twice", "GET /keys/v1/pets", []string{"Apikey: " + keyed("good"), "Apikey: " + keyed("good")}, "400 400"},
		{"a key in both places", "GET /keys/v1/pets?apikey=" + keyed("good"), []string{"Apikey: " + keyed("good")}, "400 400"},
		{"a key twice in the query", "GET /keys/v1/pets?apikey=" + keyed("good") + "&%61pikey=x", nil, "400 400"},
		{"a key from elsewhere", "GET /keys/v1/pets", []string{"Apikey: " + keyed("near")}, "403 900908"},
		{"a key of a page, from it", "GET /keys/v1/pets", []string{"Apikey: " + keyed("page"), "Referer: https://www.a.com/x?y"}, production},
		{"a key of a page, from another", "GET /keys/v1/pets", []string{"Apikey: " + keyed("page"), "Referer: https://a.com.evil/x"}, "403 900908"},
		{"a key of a page, from none", "GET /keys/v1/pets", []string{"Apikey: " + keyed("page")}, "403 900908"},

		{"a token where keys are looked at alone", "GET /keys/v1/pets", []string{"Authorization: Bearer user"}, "401 900902"},
		{"a password where keys are looked at alone", "GET /keys/v1/pets", []string{"Authorization: " + basicHeader("john", "p:w")}, "401 900902"},
		{"a key where tokens are looked at alone", "GET /tokens/v1/pets", []string{"Apikey: " + keyed("good")}, "401 900902"},
		{"a password where tokens are looked at alone", "GET /tokens/v1/pets", []string{"Authorization: " + basicHeader("john", "p:w")}, "401 900902"},
		{"a key as a token", "GET /any/v1/pets", []string{"Authorization: Bearer " + keyed("good")}, "401 900901"},

		{"a password", "GET /people/v1/pets", []string{"Authorization: " + basicHeader("john", "p:w")}, production},
		{"a password, and the scope by a role", "POST /people/v1/pets", []string{"Authorization: " + basicHeader("john", "p:w")}, production},
		{"a password where a user is wanted", "GET /people/v1/user", []string{"Authorization: " + basicHeader("john", "p:w")}, production},
		{"a password where an application is wanted", "GET /people/v1/app", []string{"Authorization: " + basicHeader("john", "p:w")}, "401 900905"},
		{"check 9: a wrong password", "GET /people/v1/pets", []string{"Authorization: " + basicHeader("john", "wrong")}, "401 900901"},
		{"check 9: an unknown user", "GET /people/v1/pets", []string{"Authorization: " + basicHeader("nobody", "wrong")}, "401 900901"},
		{"no base64", "GET /people/v1/pets", []string{"Authorization: Basic !"}, "401 900901"},
		{"no colon", "GET /people/v1/pets", []string{"Authorization: Basic aGVsbG8="}, "401 900901"},
		{"check 130: too many sign in", "GET /people/v1/pets", []string{"Authorization: " + basicHeader("john", "busy")}, "503 503"},
		{"none of several", "GET /any/v1/pets", nil, "401 900902"},
		{"a bad token is not rescued by a key", "GET /any/v1/pets", []string{"Authorization: Bearer nobody", "Apikey: " + keyed("good")}, "401 900901"},
		{"a wrong password is not rescued by a key", "GET /any/v1/pets", []string{"Authorization: " + basicHeader("john", "no"), "Apikey: " + keyed("good")}, "401 900901"},
		{"a resource for everybody", "GET /keys/v1/open", nil, production},

		{"a header of its own", "GET /custom/v1/pets", []string{"X-Token: Bearer user"}, production},
		{"the usual header then means nothing", "GET /custom/v1/pets", []string{"Authorization: Bearer user"}, "401 900902"},
		{"a header of its own twice", "GET /custom/v1/pets", []string{"X-Token: Bearer user", "X-Token: Bearer user"}, "400 400"},
		{"a key in a header of its own", "GET /custom/v1/pets", []string{"X-Key: " + keyed("good")}, production},
		{"a key in the usual header then means nothing", "GET /custom/v1/pets", []string{"Apikey: " + keyed("good")}, "401 900902"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := headOf(tt.call, tt.headers)
			d := Decide(table, schemeFacts(), h)
			if got := outcome(d); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestNoCredentialIsPassedOn(t *testing.T) {
	for name, tt := range map[string]struct {
		security gatehouse.Security
		headers  string
		query    string
	}{
		"keys are the API's own where they open nothing": {gatehouse.Security{}, "Apikey X-Key X-Token", "a=b&apikey=c"},
		"keys":                 {gatehouse.Security{Schemes: []gatehouse.Scheme{gatehouse.SchemeAPIKey}}, "X-Key X-Token", "a=b"},
		"headers of their own": {gatehouse.Security{Schemes: []gatehouse.Scheme{gatehouse.SchemeAPIKey}, Header: "x-token", KeyHeader: "x-key"}, "Apikey", "a=b"},
	} {
		s, err := newSecurity(petstore("pets", "/pets", func(a *gatehouse.API) { a.Settings.Security = tt.security }))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Apikey": {"x"}, "X-Key": {"x"}, "X-Token": {"x"}, "Authorization": {"x"}, "Internal-Key": {"x"}}
		cleanRequest(h)
		s.strip(h)
		if got := strings.Join(slices.Sorted(maps.Keys(h)), " "); got != tt.headers {
			t.Errorf("check 113: %s: %s are left, want %s", name, got, tt.headers)
		}
		if got := s.query("a=b&apikey=c&access_token=d"); got != tt.query {
			t.Errorf("check 113: %s: the query is %s, want %s", name, got, tt.query)
		}
	}
}

func headOf(call string, headers []string) *Head {
	method, target, _ := strings.Cut(call, " ")
	h := &Head{Method: method, Header: map[string][]string{}}
	h.Path, h.Query, _ = strings.Cut(target, "?")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Header[name] = append(h.Header[name], value)
		if name == "Authorization" {
			h.Authorization = value
		}
	}
	return h
}

// Wrong password and unknown user are one answer, to the byte; each scheme that an API
// looks at has its challenge, and no other.
func TestChallengesOfSchemes(t *testing.T) {
	table := secured(t, map[string]gatehouse.Security{
		"keys": {Schemes: []gatehouse.Scheme{gatehouse.SchemeAPIKey}},
		"any":  {Schemes: []gatehouse.Scheme{gatehouse.SchemeOAuth2, gatehouse.SchemeAPIKey, gatehouse.SchemeBasic}},
	})
	write := func(call string, headers ...string) *httptest.ResponseRecorder {
		d, w := Decide(table, schemeFacts(), headOf(call, headers)), httptest.NewRecorder()
		d.write(w, "")
		return w
	}
	wrong := write("GET /any/v1/pets", "Authorization: "+basicHeader("john", "wrong"))
	unknown := write("GET /any/v1/pets", "Authorization: "+basicHeader("nobody", "wrong"))
	if wrong.Body.String() != unknown.Body.String() || fmt.Sprint(wrong.Header()) != fmt.Sprint(unknown.Header()) {
		t.Errorf("check 9: %s %v, %s %v", wrong.Body, wrong.Header(), unknown.Body, unknown.Header())
	}
	for call, want := range map[string]string{"GET /keys/v1/pets": "API", "GET /any/v1/pets": "Bearer DPoP Basic API"} {
		var got []string
		for _, line := range write(call).Header()["Www-Authenticate"] {
			got = append(got, strings.Fields(line)[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: challenges %q, want %s", call, got, want)
		}
	}
	if w := write("GET /any/v1/pets", "Authorization: "+basicHeader("john", "busy")); w.Header().Get("Retry-After") == "" {
		t.Error("check 130: no Retry-After")
	}
	if body := write("GET /keys/v1/pets").Body.String(); !strings.Contains(body, "'Apikey : API_KEY'") || strings.Contains(body, "Bearer") {
		t.Errorf("what is missing: %s", body)
	}
}

func TestKeysThatCannotBeLookedUp(t *testing.T) {
	table := secured(t, map[string]gatehouse.Security{"any": {Schemes: []gatehouse.Scheme{gatehouse.SchemeAPIKey, gatehouse.SchemeBasic}}})
	for _, header := range []string{"Apikey: " + keyed("good"), "Authorization: " + basicHeader("john", "p:w")} {
		cause := errors.New("out of order")
		d := Decide(table, &facts{broken: cause}, headOf("GET /any/v1/pets", []string{header}))
		if outcome(d) != "500 900900" || !errors.Is(d.Err, cause) {
			t.Errorf("%s: %s, %v", header, outcome(d), d.Err)
		}
	}
}

func TestAudiences(t *testing.T) {
	for _, tt := range []struct {
		name      string
		audiences []string
		asked     []string // what the token was asked for
		want      string
	}{
		{"none asked for, none wanted", nil, nil, "production.example"},
		{"the client", []string{"other", "key"}, nil, "production.example"},
		{"the gateway", []string{"https://gateway.example"}, nil, "production.example"},
		{"another", []string{"other"}, nil, "403 900914"},
		{"what it was asked for", []string{"https://gateway.example/pets/v1"}, []string{"https://gateway.example/pets/v1"}, "production.example"},
		{"asked for less than the gateway", []string{"https://gateway.example"}, []string{"https://gateway.example/pets/v1"}, "403 900914"},
	} {
		table, err := NewTable([]*gatehouse.API{petstore("pets", "/pets", func(a *gatehouse.API) { a.Settings.Security.Audiences = tt.audiences })})
		if err != nil {
			t.Fatal(err)
		}
		f := petFacts()
		f.tokens["user"].Audience = tt.asked
		h := headOf("GET /pets/v1/pets", []string{"Authorization: Bearer user"})
		h.Gateway = "https://gateway.example"
		if got := outcome(Decide(table, f, h)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAPIsWithoutSubscriptions(t *testing.T) {
	table, err := NewTable([]*gatehouse.API{petstore("free", "/free", func(a *gatehouse.API) {
		a.Tiers = []string{gatehouse.Subscriptionless}
		a.Settings.Security.Schemes = []gatehouse.Scheme{gatehouse.SchemeOAuth2, gatehouse.SchemeAPIKey}
	})})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ header, want string }{
		{"Authorization: Bearer user", "production.example"},
		{"Authorization: Bearer foreign", "403 900908"},
		{"Apikey: " + keyed("unsubscribed"), "production.example"},
		{"Apikey: " + keyed("foreign"), "403 900908"},
	} {
		if got := outcome(Decide(table, schemeFacts(), headOf("GET /free/v1/pets", []string{tt.header}))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.header, got, tt.want)
		}
	}
}

func TestPublishersTryTheirAPIsOut(t *testing.T) {
	table := petTable(t)
	for _, tt := range []struct {
		name, call string
		headers    []string
		want       string
	}{
		{"before it is published", "GET /created/v1/pets", []string{"Internal-Key: created"}, "production.example"},
		{"whatever scopes it takes", "POST /created/v1/pets", []string{"Internal-Key: created"}, "production.example"},
		{"a resource that it does not have", "GET /created/v1/nothing", []string{"Internal-Key: created"}, "404 404"},
		{"what opens it to everybody is not open yet", "GET /created/v1/open", nil, "404 404"},
		{"by another's key", "GET /created/v1/pets", []string{"Internal-Key: pets"}, "404 404"},
		{"by a bad key", "GET /created/v1/pets", []string{"Internal-Key: bad"}, "404 404"},
		{"by two keys", "GET /created/v1/pets", []string{"Internal-Key: created", "Internal-Key: created"}, "404 404"},
		{"by a token", "GET /created/v1/pets", []string{"Authorization: Bearer user"}, "404 404"},
		{"published, without a subscription", "GET /stranger/v1/pets", []string{"Internal-Key: stranger"}, "production.example"},
		{"published, by another's key", "GET /pets/v1/pets", []string{"Internal-Key: created"}, "403 900908"},
		{"a bad key is not rescued by a token", "GET /pets/v1/pets", []string{"Internal-Key: bad", "Authorization: Bearer user"}, "401 900901"},
		{"blocked", "GET /blocked/v1/pets", []string{"Internal-Key: blocked"}, "503 700700"},
	} {
		if got := outcome(Decide(table, petFacts(), headOf(tt.call, tt.headers))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestSchemesAreExplained(t *testing.T) {
	known, _ := issued(t, "known", noon.Add(time.Hour), nil, nil)
	all := []gatehouse.Scheme{gatehouse.SchemeAPIKey, gatehouse.SchemeBasic}
	table := secured(t, map[string]gatehouse.Security{
		"keys":  {Schemes: all},
		"alone": {MutualTLS: gatehouse.Mandatory, Certificates: []gatehouse.ClientCertificate{{Alias: "known", Type: gatehouse.Production, PEM: inPEM(known)}}},
	})
	f := schemeFacts()
	f.chain = []*x509.Certificate{known}
	for _, tt := range []struct{ call, header, want string }{
		{"GET /keys/v1/pets", "Apikey: " + keyed("good"), "++++++o++oo. "},
		{"GET /keys/v1/pets", "Apikey: " + keyed("nobody"), "++++!....... token: Invalid Credentials"},
		{"GET /keys/v1/pets", "Apikey: " + keyed("theirs"), "++++!....... token: a PRODUCTION API key of the application itself in default, which never expires"},
		{"GET /keys/v1/pets", "Apikey: " + keyed("loose"), "+++++!...... subscription: no application has taken up the API key"},
		{"GET /keys/v1/pets", "Authorization: " + basicHeader("john", "p:w"), "+++++o+++oo. "},
		{"GET /keys/v1/pets", "Authorization: " + basicHeader("john", "wrong"), "++++!....... token: Invalid Credentials"},
		{"GET /keys/v1/pets", "Internal-Key: keys", "+++++oo++oo. "},
		{"GET /alone/v1/pets", "Internal-Key: keys", "++++!....... token: Resource forbidden"},
		{"GET /alone/v1/pets", "", "+++++oo++oo. "},
	} {
		d := Decide(table, f, headOf(tt.call, []string{tt.header}))
		if got := told(d.Explain(0)); got != tt.want {
			t.Errorf("%s %s:\n got %s\nwant %s", tt.call, tt.header, got, tt.want)
		}
	}
}
