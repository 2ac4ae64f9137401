package observe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/observe"
)

// formats are the formats of the log: what must hold, must hold in both.
var formats = []string{"text", "json"}

func logged(format string, attrs ...slog.Attr) string {
	var b bytes.Buffer
	observe.NewLogger(&b, slog.LevelInfo, format).LogAttrs(context.Background(), slog.LevelInfo, "message", attrs...)
	return b.String()
}

// Check 156: secrets do not reach the log, by whatever name or in whatever value.
func TestSecretsAreRedacted(t *testing.T) {
	header := http.Header{"Authorization": {"Bearer canary-canary"}}
	target, err := url.Parse("https://user:canary@host/path?code=canary")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []slog.Attr{
		slog.String("authorization", "canary"), slog.String("Proxy-Authorization", "canary"), slog.String("cookie", "canary"),
		slog.String("Set-Cookie", "canary"), slog.String("password", "canary"), slog.String("client_secret", "canary"),
		slog.String("consumerSecret", "canary"), slog.String("access_token", "canary"), slog.String("refreshToken", "canary"),
		slog.String("code", "canary"), slog.String("code_verifier", "canary"), slog.String("X-JWT-Assertion", "canary"),
		slog.String("api_key", "canary"), slog.Group("request", slog.String("token", "canary")),
		slog.Any("header", header), slog.Any("form", url.Values{"password": {"canary"}}), slog.Any("body", []byte("canary")),
		slog.Any("request", &http.Request{Header: header}), slog.Any("url", target), slog.Any("user", struct{ Word string }{"canary"}),
		slog.Any("err", &url.Error{Op: "Get", URL: "http://host/?a=b&access_token=canary&c=d", Err: errors.New("refused")}),
		slog.String("err", "POST /token: grant_type=password&username=john&password=canary"),
		slog.String("err", `bad answer {"refresh_token": "canary", "x": 1}`),
		slog.String("err", "callback ?state=1&code=canary"),
		slog.String("err", "header was Bearer canary.canary.canary"),
		slog.String("err", "header was basic Y2FuYXJ5canaryOmNhbmFyeQ=="),
		slog.Any("err", errors.New("dial postgres://user:canary@host:5432/db: refused")),
	} {
		for _, format := range formats {
			if line := logged(format, a); strings.Contains(line, "canary") {
				t.Errorf("%s shows %s", format, line)
			}
		}
	}
}

func TestWhatIsNoSecretIsLogged(t *testing.T) {
	for _, a := range []slog.Attr{
		slog.Int("status_code", 499), slog.String("token_type", "499"), slog.String("admin_password_file", "499"),
		slog.Any("scopes", []string{"read", "499"}), slog.Any("err", fmt.Errorf("token expired: %d", 499)),
		slog.String("err", "the password: at least 499 characters"), slog.Any("url", &url.URL{Scheme: "http", Host: "h", Path: "/499"}),
	} {
		for _, format := range formats {
			if line := logged(format, a); !strings.Contains(line, "499") {
				t.Errorf("%s hides %v: %s", format, a, line)
			}
		}
	}
}

// Check 156: nobody can begin a line of the log or command the terminal of its reader.
func TestLogInjectionIsEscaped(t *testing.T) {
	for _, evil := range []string{
		"a\nlevel=ERROR msg=forged", "a\r\nb", "\x1b[2Jcleared", "\u009b2Jcleared", "del\x7f", "\u202eright to left", "\u2028line", "bad\xffutf8\n",
	} {
		for _, format := range formats {
			line, end := strings.CutSuffix(logged(format, slog.String("path", evil), slog.Any("err", errors.New(evil))), "\n")
			if !end || strings.ContainsAny(line, "\n\r\x1b\x7f\u009b\u202e\u2028") {
				t.Errorf("%s writes %q", format, line)
			}
		}
	}
}

func TestLevel(t *testing.T) {
	var b bytes.Buffer
	log := observe.NewLogger(&b, slog.LevelWarn, "json")
	log.Info("not this")
	log.Warn("this")
	if got := b.String(); strings.Contains(got, "not this") || !strings.Contains(got, `"level":"WARN","msg":"this"`) {
		t.Errorf("wrote %s", got)
	}
}
