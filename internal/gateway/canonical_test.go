package gateway

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		want       string // empty when it must be refused
	}{
		{"a plain path stays", "/hello/1.0/pets", "/hello/1.0/pets"},
		{"the root stays", "/", "/"},
		{"a slash at the end stays", "/hello/1.0/", "/hello/1.0/"},
		{"every byte that stands for itself", "/-._~!$&'()*+,=:@", "/-._~!$&'()*+,=:@"},
		{"dots inside a segment", "/1.0../x/...", "/1.0../x/..."},

		{"check 92: dot-dot segment", "/hello/1.0/../admin", ""},
		{"check 92: dot segment", "/hello/./x", ""},
		{"check 92: dot-dot at the end", "/hello/..", ""},
		{"check 92: dot at the end", "/hello/.", ""},
		{"check 92: empty segment", "/hello//x", ""},
		{"check 92: empty first segment", "//host/x", ""},
		{"check 92: two slashes at the end", "/hello//", ""},
		{"check 93: escaped dots", "/hello/%2e%2E/x", ""},
		{"check 93: one escaped dot", "/hello/.%2e/x", ""},
		{"check 93: escaped slash", "/hello%2fx", ""},
		{"check 93: escaped slash in upper case", "/hello%2Fx", ""},
		{"check 93: escaped backslash", "/hello%5cx", ""},
		{"check 93: backslash", `/hello\x`, ""},
		{"check 94: double encoding", "/hello/%252e%252e/x", ""},
		{"check 95: path parameter", "/hello;v=1/x", ""},
		{"check 95: dots behind a parameter", "/..;/x", ""},
		{"check 95: escaped semicolon", "/hello%3bx", ""},
		{"check 96: NUL", "/hello%00", ""},
		{"check 96: control character", "/hello%0d%0aX", ""},
		{"check 96: DEL", "/hello%7F", ""},
		{"check 96: overlong slash", "/hello%c0%af", ""},
		{"check 96: overlong dot", "/%e0%80%ae", ""},
		{"check 96: surrogate", "/%ed%a0%80", ""},
		{"check 96: character cut off", "/%c3x", ""},
		{"check 96: percent alone", "/100%", ""},
		{"check 96: percent and one digit", "/%4", ""},
		{"check 96: percent and no hex", "/%zz", ""},
		{"check 96: raw space", "/a b", ""},
		{"check 96: fragment", "/a#b", ""},
		{"check 96: raw letter beyond ASCII", "/é", ""},
		{"check 96: raw angle bracket", "/<script>", ""},
		{"check 99: escaped letters", "/%75pd%61te", "/update"},
		{"check 99: escaped pchar", "/%7Ea%40b%3A%2a", "/~a@b:*"},
		{"check 100: absolute form", "http://host/x", ""},
		{"check 100: authority form", "host:443", ""},
		{"check 100: asterisk form", "*", ""},
		{"check 100: nothing", "", ""},

		{"escapes that must stay get upper-case digits", "/a%20b%3c%c3%a9", "/a%20b%3C%C3%A9"},
		{"a question mark stays escaped", "/what%3f", "/what%3F"},
		{"letters around characters beyond ASCII", "/%e2%82%ac%41%f0%9f%98%80", "/%E2%82%ACA%F0%9F%98%80"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := canonical(tt.path)
			if got != tt.want && ok || ok != (tt.want != "") {
				t.Errorf("canonical(%q) = %q, %v, want %q", tt.path, got, ok, tt.want)
			}
		})
	}
}

func TestCanonicalPathCostsNothing(t *testing.T) {
	allocs := testing.AllocsPerRun(100, func() { canonical("/petstore/v1/pets/42/owner") })
	if allocs != 0 {
		t.Errorf("%v allocations for a path that is canonical, want 0", allocs)
	}
}

// slowCanonical is canonical by decoding everything and encoding it again.
func slowCanonical(path string) (string, bool) {
	const pchar = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@"
	segments := strings.Split(path, "/")
	if segments[0] != "" || len(segments) < 2 {
		return "", false
	}
	for i := 1; i < len(segments); i++ {
		for _, c := range []byte(segments[i]) {
			if c != '%' && !strings.Contains(pchar, string(rune(c))) {
				return "", false
			}
		}
		plain, err := url.PathUnescape(segments[i])
		if err != nil || !utf8.ValidString(plain) || plain == "." || plain == ".." || plain == "" && i < len(segments)-1 {
			return "", false
		}
		var out strings.Builder
		for _, c := range []byte(plain) {
			switch {
			case strings.Contains(pchar, string(rune(c))):
				out.WriteByte(c)
			case c < ' ' || c == 0x7f || strings.Contains(`/\;%`, string(rune(c))):
				return "", false
			default:
				out.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
			}
		}
		segments[i] = out.String()
	}
	return strings.Join(segments, "/"), true
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"/", "/a/b/", "/%2e%2e/x", "/%c3%a9%20", "//", "/a;b", "/%e2%82", "/%41%25", "/a%f0%9f%98%80.", "*", "/é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := canonical(path)
		want, wantOK := slowCanonical(path)
		if ok != wantOK || ok && got != want {
			t.Fatalf("canonical(%q) = %q, %v; the model says %q, %v", path, got, ok, want, wantOK)
		}
		if again, ok2 := canonical(got); ok && (!ok2 || again != got) {
			t.Fatalf("canonical(%q) = %q is not canonical: %q, %v", path, got, again, ok2)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		canonical("/petstore/v1/pets/42/owner")
	}
}
