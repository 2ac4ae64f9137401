package gatehouse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func someKeys() gatehouse.Keys {
	return gatehouse.Keys{
		ConsumerKey: "key", Type: gatehouse.Production, Grants: gatehouse.DefaultGrants, Format: gatehouse.FormatJWT, Algorithm: "ES256",
		Access: gatehouse.DefaultAccessLifetime, Refresh: gatehouse.DefaultRefreshLifetime,
	}
}

func TestKeysValidate(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, row := range map[string]struct {
		change func(*gatehouse.Keys)
		never  bool // the organization allows tokens without an end
		ok     bool
	}{
		"the defaults":                         {func(*gatehouse.Keys) {}, false, true},
		"no grant":                             {func(k *gatehouse.Keys) { k.Grants = nil }, false, true},
		"an unknown grant":                     {func(k *gatehouse.Keys) { k.Grants = []string{"implicit"} }, false, false},
		"a grant in another case":              {func(k *gatehouse.Keys) { k.Grants = []string{"Password"} }, false, false},
		"one second":                           {func(k *gatehouse.Keys) { k.Access = time.Second }, false, true},
		"less than a second":                   {func(k *gatehouse.Keys) { k.Access = time.Second - 1 }, false, false},
		"no access lifetime":                   {func(k *gatehouse.Keys) { k.Access = 0 }, false, false},
		"ten years":                            {func(k *gatehouse.Keys) { k.Access = 10 * year }, false, true},
		"longer":                               {func(k *gatehouse.Keys) { k.Access = 10*year + time.Second }, false, false},
		"never, where it is allowed":           {func(k *gatehouse.Keys) { k.Access = gatehouse.Never }, true, true},
		"never, where it is not":               {func(k *gatehouse.Keys) { k.Access = gatehouse.Never }, false, false},
		"less than never":                      {func(k *gatehouse.Keys) { k.Access = 2 * gatehouse.Never }, true, false},
		"a refresh token of 30 days":           {func(k *gatehouse.Keys) { k.Refresh = gatehouse.MaxRefreshAge }, false, true},
		"a longer one":                         {func(k *gatehouse.Keys) { k.Refresh = gatehouse.MaxRefreshAge + 1 }, false, false},
		"a refresh token that never expires":   {func(k *gatehouse.Keys) { k.Refresh = gatehouse.Never }, true, false},
		"a grace of a minute":                  {func(k *gatehouse.Keys) { k.Grace = time.Minute }, false, true},
		"a longer grace":                       {func(k *gatehouse.Keys) { k.Grace = time.Minute + time.Second }, false, false},
		"a grace below nothing":                {func(k *gatehouse.Keys) { k.Grace = -time.Second }, false, false},
		"RS256":                                {func(k *gatehouse.Keys) { k.Algorithm = "RS256" }, false, true},
		"check 90: an algorithm that is none":  {func(k *gatehouse.Keys) { k.Algorithm = "none" }, false, false},
		"check 90: a symmetric algorithm":      {func(k *gatehouse.Keys) { k.Algorithm = "HS256" }, false, false},
		"a type of keys that there is not":     {func(k *gatehouse.Keys) { k.Type = "STAGING" }, false, false},
		"a format of tokens that there is not": {func(k *gatehouse.Keys) { k.Format = "SAML" }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := someKeys()
			row.change(&k)
			wantKind(t, k.Validate(&gatehouse.Organization{Key: "johnsorg", NeverExpiring: row.never}), row.ok, gatehouse.Invalid)
		})
	}
}

func TestParseKeyType(t *testing.T) {
	for text, want := range map[string]gatehouse.KeyType{
		"": gatehouse.Production, "PRODUCTION": gatehouse.Production, "SANDBOX": gatehouse.Sandbox, "sandbox": "", "PROD": "",
	} {
		got, err := gatehouse.ParseKeyType(text)
		wantKind(t, err, want != "", gatehouse.Invalid)
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// checks 65, 66: secrets live beside each other until their end, and only a hash is kept.
func TestSecretsMatch(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old, kept := gatehouse.NewSecret("old", now, now.Add(time.Hour))
	forever, keptForever := gatehouse.NewSecret("forever", now, time.Time{})
	k := gatehouse.Keys{Secrets: []gatehouse.Secret{keptForever, kept}}
	for name, row := range map[string]struct {
		secret string
		at     time.Time
		want   string
	}{
		"one of two":                   {old, now, kept.ID},
		"the other":                    {forever, now, keptForever.ID},
		"the last moment of a secret":  {old, now.Add(time.Hour - 1), kept.ID},
		"its end":                      {old, now.Add(time.Hour), ""},
		"a secret without an end":      {forever, now.AddDate(100, 0, 0), keptForever.ID},
		"cut":                          {forever[:len(forever)-1], now, ""},
		"longer":                       {forever + "x", now, ""},
		"in another case":              {strings.ToUpper(forever), now, ""},
		"nothing":                      {"", now, ""},
		"what is stored of it":         {keptForever.Hash, now, ""},
		"the hint that pages may show": {keptForever.Hint, now, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if s := k.Matches(row.secret, row.at); s != nil {
				got = s.ID
			}
			if got != row.want {
				t.Errorf("matches %q, want %q", got, row.want)
			}
		})
	}
	if strings.Contains(kept.Hash+kept.ID+kept.Name, old) || len(kept.Hint) != 4 || !strings.HasSuffix(old, kept.Hint) {
		t.Errorf("kept of the secret: %+v", kept)
	}
}

func TestClientFindsItsSubscription(t *testing.T) {
	c := gatehouse.Client{Subscriptions: []gatehouse.Subscription{{ID: "1", APIID: "a"}, {ID: "2", APIID: "b"}}}
	if s := c.Subscription("b"); s == nil || s.ID != "2" {
		t.Errorf("found %v", s)
	}
	if s := c.Subscription("c"); s != nil {
		t.Errorf("found %v", s)
	}
}
