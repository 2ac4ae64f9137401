package gatehouse_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

const second = gatehouse.Duration(time.Second)

// backend sets the production backend of an API that is fine otherwise.
func withBackend(b gatehouse.Backend) *gatehouse.API {
	return &gatehouse.API{
		Name: "A", Version: "1", Context: "/a", Production: "https://a.example", Settings: gatehouse.Settings{Backends: gatehouse.Backends{Production: b}},
	}
}

func TestBackendRules(t *testing.T) {
	basic := gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Username: "u", Password: gatehouse.NewBackendSecret("p")}
	oauth := gatehouse.BackendSecurity{
		Type: gatehouse.OAuthSecurity, Grant: gatehouse.BackendClientCredentials, TokenURL: "https://t.example/token", ClientID: "c", ClientSecret: gatehouse.NewBackendSecret("s"),
	}
	change := func(s gatehouse.BackendSecurity, how func(*gatehouse.BackendSecurity)) gatehouse.Backend {
		how(&s)
		return gatehouse.Backend{Security: s}
	}
	many := make([]gatehouse.Target, gatehouse.MaxTargets)
	for i := range many {
		many[i].URL = "https://b.example"
	}
	tune := func(t gatehouse.Tuning) gatehouse.Backend { return gatehouse.Backend{Tuning: t} }
	for _, tt := range []struct {
		name string
		b    gatehouse.Backend
		says string // of the error; nothing when there is none
	}{
		{"nothing set", gatehouse.Backend{}, ""},
		{"the most targets", gatehouse.Backend{Balance: gatehouse.Failover, More: many[1:]}, ""},
		{"one too many", gatehouse.Backend{Balance: gatehouse.Failover, More: many}, "at most 20"},
		{"several and no way to choose", gatehouse.Backend{More: many[:1]}, "load_balance or failover"},
		{"an unknown way to choose", gatehouse.Backend{Balance: "random"}, `"random"`},
		{"a target without a URL", gatehouse.Backend{Balance: gatehouse.Failover, More: make([]gatehouse.Target, 1)}, "target 2"},
		{"check 140: a target with a password", gatehouse.Backend{Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: "https://u:p@b.example"}}}, "user name or password"},
		{"check 140: a target that is a file", gatehouse.Backend{Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: "file:///etc/passwd"}}}, "http://"},
		{"a weight too high", gatehouse.Backend{Weight: 101}, "1 to 100"},
		{"Basic", gatehouse.Backend{Security: basic}, ""},
		{"Basic without a password", change(basic, func(s *gatehouse.BackendSecurity) { s.Password = gatehouse.BackendSecret{} }), "lacks a secret"},
		{"Basic with a colon in the name", change(basic, func(s *gatehouse.BackendSecurity) { s.Username = "a:b" }), "colon"},
		{"Basic with a second line", change(basic, func(s *gatehouse.BackendSecurity) { s.Password = gatehouse.NewBackendSecret("a\r\nX: y") }), "one line"},
		{"a key in a header of the gateway's", change(basic, func(s *gatehouse.BackendSecurity) { s.Type, s.Header = gatehouse.APIKeySecurity, "Content-Length" }), "Content-Length"},
		{"a key in what is no header", change(basic, func(s *gatehouse.BackendSecurity) { s.Type, s.Header = gatehouse.APIKeySecurity, "X Key" }), "X Key"},
		{"OAuth", gatehouse.Backend{Security: oauth}, ""},
		{"check 140: tokens from a file", change(oauth, func(s *gatehouse.BackendSecurity) { s.TokenURL = "file:///x" }), "tokenUrl"},
		{"OAuth by password without a name", change(oauth, func(s *gatehouse.BackendSecurity) { s.Grant = gatehouse.BackendPassword }), "username"},
		{"OAuth by another grant", change(oauth, func(s *gatehouse.BackendSecurity) { s.Grant = "IMPLICIT" }), "IMPLICIT"},
		{"OAuth with a parameter that is the gateway's", change(oauth, func(s *gatehouse.BackendSecurity) { s.Parameters = map[string]string{"client_id": "x"} }), "client_id"},
		{"another security", change(basic, func(s *gatehouse.BackendSecurity) { s.Type = "DIGEST" }), "DIGEST"},
		{"a certificate without a key", gatehouse.Backend{TLS: gatehouse.BackendTLS{Certificate: "x"}}, "needs its key"},
		{"a huge CA", gatehouse.Backend{TLS: gatehouse.BackendTLS{CA: strings.Repeat("x", 64<<10+1)}}, "65536"},
		{"a connection in no time", tune(gatehouse.Tuning{ConnectTimeout: 1}), "connectTimeout is 100ms to 30s"},
		{"an answer in two hours", tune(gatehouse.Tuning{FirstByteTimeout: 7200 * second}), "firstByteTimeout"},
		{"a time that runs back", tune(gatehouse.Tuning{IdleTimeout: -second}), "idleTimeout"},
		{"statuses that are answers", tune(gatehouse.Tuning{FailureStatuses: []int{404}}), "404"},
		{"six attempts", tune(gatehouse.Tuning{Attempts: 6}), "attempts is 1 to 5"},
		{"a long suspension alone", tune(gatehouse.Tuning{Breaker: gatehouse.Breaker{Suspend: 60 * second}}), ""},
		{"a suspension longer than the longest", tune(gatehouse.Tuning{Breaker: gatehouse.Breaker{Suspend: 60 * second, MaxSuspend: second}}), "maxSuspend"},
		{"checks every second, alone", tune(gatehouse.Tuning{HealthCheck: gatehouse.HealthCheck{Path: "/", Interval: second}}), ""},
		{"checks that take longer than their interval", tune(gatehouse.Tuning{HealthCheck: gatehouse.HealthCheck{Path: "/", Interval: second, Timeout: 2 * second}}), "healthCheck.timeout"},
		{"a check of another host", tune(gatehouse.Tuning{HealthCheck: gatehouse.HealthCheck{Path: "@evil.example/"}}), "begins with /"},
		{"a check with a line of its own", tune(gatehouse.Tuning{HealthCheck: gatehouse.HealthCheck{Path: "/ HTTP/1.1\r\nX: y"}}), "begins with /"},
		{"an unknown way to stick", tune(gatehouse.Tuning{Sticky: "header"}), "header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := withBackend(tt.b).Validate()
			if (err == nil) != (tt.says == "") || err != nil && (gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want one that says %q", err, tt.says)
			}
		})
	}
}

func TestBackendDefaultsKeepTheRules(t *testing.T) {
	b := gatehouse.Backend{Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: "https://b.example"}}}
	full := b.WithDefaults()
	if err := withBackend(full).Validate(); err != nil {
		t.Error(err)
	}
	if full.Tuning.Attempts != 2 || full.Weight != 1 || full.More[0].Weight != 1 || b.More[0].Weight != 0 {
		t.Errorf("defaults %+v of %+v", full, b)
	}
}

// A single target is left alone when a publisher asks for it; one of several by default.
func TestWhereThereIsABreaker(t *testing.T) {
	more := []gatehouse.Target{{URL: "https://b.example"}}
	for name, tt := range map[string]struct {
		b   gatehouse.Backend
		off bool
	}{
		"one target":                      {gatehouse.Backend{}, true},
		"one target, and it is asked for": {gatehouse.Backend{Tuning: gatehouse.Tuning{Breaker: gatehouse.Breaker{Failures: 5}}}, false},
		"several":                         {gatehouse.Backend{More: more}, false},
		"several, and it is switched off": {gatehouse.Backend{More: more, Tuning: gatehouse.Tuning{Breaker: gatehouse.Breaker{Off: true}}}, true},
	} {
		if got := tt.b.WithDefaults().Tuning.Breaker; got.Off != tt.off || got.Failures != 5 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestBackendsWithinWhatTheOperatorAllows(t *testing.T) {
	b := gatehouse.Backends{Sandbox: gatehouse.Backend{Tuning: gatehouse.Tuning{FirstByteTimeout: 121 * second}}}
	if err := b.Within(121 * time.Second); err != nil {
		t.Error(err)
	}
	if err := b.Within(2 * time.Minute); gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(err.Error(), "2m0s") {
		t.Error(err)
	}
}

// Check 155: a secret that is not sealed can be written nowhere.
func TestBackendSecretIsWrittenSealed(t *testing.T) {
	s := gatehouse.NewBackendSecret("canary")
	if text, err := json.Marshal(withBackend(gatehouse.Backend{Security: gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Password: s}}).Settings); err == nil {
		t.Errorf("written as %s", text)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s.LogValue()); strings.Contains(text, "canary") {
		t.Errorf("printed as %s", text)
	}
	if err := s.Seal(func(string) (string, error) { return "", errors.New("no key") }); err == nil {
		t.Error("sealed without a key")
	}
	if err := s.Seal(func(plain string) (string, error) { return "sealed:" + plain[:1], nil }); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil || string(text) != `"sealed:c"` || s.Plain() != "" {
		t.Fatalf("written as %s, %v", text, err)
	}
	var read gatehouse.BackendSecret
	if err := json.Unmarshal(text, &read); err != nil || read != s {
		t.Errorf("read as %v, %v", read, err)
	}
	if got, err := read.Open(func(sealed string) (string, error) { return sealed + "!", nil }); got != "sealed:c!" || err != nil {
		t.Errorf("opened as %s, %v", got, err)
	}
}

func TestBackendSecretsAreKeptOrForgotten(t *testing.T) {
	secret := func(text string) gatehouse.BackendSecret {
		s := gatehouse.NewBackendSecret(text)
		if err := s.Seal(func(string) (string, error) { return text, nil }); err != nil {
			t.Fatal(err)
		}
		return s
	}
	old := gatehouse.Backend{
		Security: gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Username: "u", Password: secret("old")},
		TLS:      gatehouse.BackendTLS{Certificate: "old", Key: secret("key")},
	}
	b := gatehouse.Backend{Security: gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Username: "u"}, TLS: gatehouse.BackendTLS{Certificate: "old"}}
	if b.Keep(&old); b.Security.Password != old.Security.Password || b.TLS.Key != old.TLS.Key {
		t.Errorf("what is blank does not stay: %+v", b)
	}
	b = gatehouse.Backend{Security: gatehouse.BackendSecurity{Type: gatehouse.OAuthSecurity}, TLS: gatehouse.BackendTLS{Certificate: "new"}}
	if b.Keep(&old); !b.Security.Password.IsZero() || !b.TLS.Key.IsZero() {
		t.Errorf("a secret stays for something else: %+v", b)
	}
	b = gatehouse.Backend{Security: gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Password: gatehouse.NewBackendSecret("new")}, TLS: gatehouse.BackendTLS{Certificate: "old"}}
	if b.Keep(&old); b.Security.Password.Plain() != "new" {
		t.Errorf("a new secret is not taken: %+v", b)
	}
	if b.Forget(); b.Security.Password.Plain() != "new" || !b.TLS.Key.IsZero() {
		t.Errorf("after forgetting what is sealed: %+v", b)
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{`"1m30s"`: 90 * time.Second, `"500ms"`: 500 * time.Millisecond} {
		var d gatehouse.Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s is read as %v, %v", text, time.Duration(d), err)
		}
		if again, err := json.Marshal(d); err != nil || string(again) != text {
			t.Errorf("%s is written as %s, %v", text, again, err)
		}
	}
	var d gatehouse.Duration
	if err := json.Unmarshal([]byte(`"soon"`), &d); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Error(err)
	}
}
