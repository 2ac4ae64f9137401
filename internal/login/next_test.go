package login

import (
	"net/url"
	"testing"
)

// FuzzNextStaysHere resolves what is let through as a browser would: after every
// decoding and with every slash, it is still this host.
func FuzzNextStaysHere(f *testing.F) {
	for _, seed := range []string{"/", "/apis/1?tier=Gold#top", "//evil", `/\evil`, "//", "///evil", "https:evil", "%2f%2fevil", "/%2f/evil", "/a/../..//evil", "/\r\nX: y", "/%0d%0a", "/a?b=//c"} {
		f.Add(seed)
	}
	here, err := url.Parse("https://here.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		if !isLocal(to) {
			return
		}
		for _, read := range []func(string) (string, error){
			func(s string) (string, error) { return s, nil },
			url.PathUnescape,
		} {
			text, err := read(to)
			if err != nil {
				continue
			}
			u, err := here.Parse(text)
			if err == nil && (u.Host != here.Host || u.Scheme != here.Scheme) {
				t.Errorf("%q leads to %s", to, u)
			}
		}
		if to[0] != '/' || len(to) > 1 && (to[1] == '/' || to[1] == '\\') {
			t.Errorf("%q names a host", to)
		}
	})
}
