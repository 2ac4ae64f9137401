package token

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
)

// What is issued day by day is plain, so that it is read in one pass; what is rare need not
// be. Both are read as they were written.
func TestWhatWeIssueIsPlain(t *testing.T) {
	now := time.Now()
	tokens := Tokens{Issuer: "https://gateway.example:8443"}
	c := gatehouse.Client{Keys: gatehouse.Keys{ConsumerKey: "key", Type: gatehouse.Sandbox, Access: time.Hour}, Organization: gatehouse.Organization{Key: "johnsorg"}}
	john := &gatehouse.Member{User: gatehouse.User{ID: gatehouse.NewID(now), Username: "john@johns.org"}, Organization: c.Organization}
	user, many, bound, mark := c.Authorize(john, []string{"read", "device_a"}, now), c.Authorize(john, nil, now), c.Authorize(john, nil, now), c.Authorize(john, []string{"<b>"}, now)
	user.Family, many.Audience, bound.Binding = gatehouse.NewID(now), []string{"https://a.example", "https://b.example"}, gatehouse.Binding{JKT: "thumbprint"}
	for name, row := range map[string]struct {
		a     *gatehouse.Authorization
		plain bool
	}{
		"an application's":      {c.Authorize(nil, []string{"default"}, now), true},
		"a user's":              {user, true},
		"for several audiences": {many, true},
		"bound to a key":        {bound, false},
		"with an escape in it":  {mark, false},
	} {
		t.Run(name, func(t *testing.T) {
			want := tokens.claims(row.a)
			text, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			if _, plain := scanClaims(string(text)); plain != row.plain {
				t.Errorf("plain: %v, want %v: %s", plain, row.plain, text)
			}
			got, err := readClaims(string(text))
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

// encoding/json is the oracle: what is plain means to it the same.
func FuzzScanClaims(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"a","aud":"b","scope":"c d","iat":1,"exp":22,"username":"x"}`, `{"aud":["a","b"],"aud":"c"}`, `{"aud":"c","aud":["a","b"]}`,
		`{"iss":"a","ISS":"b"}`, `{"iss":"a\u0041"}`, `{"iss":"é"}`, `{"exp":-1}`, `{"exp":01}`, `{"exp":0}`, `{"exp":1e3}`, `{"exp":1.0}`,
		`{"exp":999999999999999999}`, `{"exp":9999999999999999999}`, `{"exp":null}`, `{"aud":[]}`, `{"aud":[""]}`, `{}`, `{"iss":"a",}`, `{"iss":"a"} `,
		`{"iss":"a"}{`, `{"iss":"a"`, `{"cnf":{"jkt":"a"}}`, `{"iss":["a"]}`, `{"aud":["a"`, `{"iss":"a"x`, `{"other":"a"}`, "{\"iss\":\"\x7f\"}", `[]`, `"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, plain := scanClaims(text)
		if !plain {
			return
		}
		var want claims
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is read as %+v, and is no JSON: %v", text, got, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	})
}
