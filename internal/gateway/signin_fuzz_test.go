package gateway

import (
	"strings"
	"testing"
	"time"
)

// Whatever a token endpoint answers, what comes of it can stand in a header, and its end
// lies ahead.
func FuzzReadToken(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600}`, `{"access_token":"a","expires_in":"60"}`, `{"access_token":"a\r\nb"}`,
		`{"access_token":"a","expires_in":-1}`, `{"access_token":"a","expires_in":1e300}`, `{"access_token":7}`, `[]`, `{"error":"invalid_client"}`, "",
	} {
		f.Add(200, []byte(seed))
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		got, err := readToken(status, text, now)
		switch {
		case err != nil && len(got.header) > 0:
			t.Errorf("%q and %v", got.header, err)
		case err == nil && (len(got.header) != 1 || strings.ContainsAny(got.header[0], "\r\n\x00") || !got.renew.After(now) || got.end.Before(got.renew)):
			t.Errorf("%q: %+v", text, got)
		}
	})
}
