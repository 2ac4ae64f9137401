package gateway

import (
	"strings"
	"testing"
	"time"
)

func TestDirectives(t *testing.T) {
	none := directives{maxAge: -1, sMaxAge: -1, minFresh: -1}
	for line, want := range map[string]func(*directives){
		"":                                     func(*directives) {},
		" , ,":                                 func(*directives) {},
		"No-Store":                             func(d *directives) { d.noStore = true },
		"x=\"no-store, private\", public":      func(d *directives) { d.public = true },
		`x="a\", no-store"`:                    func(*directives) {},
		`x="never closed, no-store`:            func(*directives) {},
		`no-cache="Set-Cookie", private = "a"`: func(d *directives) { d.noCache, d.private = true, true },
		"max-age=60":                           func(d *directives) { d.maxAge = time.Minute },
		`max-age="60" , min-fresh = 2`:         func(d *directives) { d.maxAge, d.minFresh = time.Minute, 2*time.Second },
		"max-age=60, max-age=30":               func(d *directives) { d.maxAge = 30 * time.Second },
		"max-age":                              func(d *directives) { d.maxAge = 0 },
		"max-age=-1":                           func(d *directives) { d.maxAge = 0 },
		"max-age=1.5":                          func(d *directives) { d.maxAge = 0 },
		"s-maxage=99999999999999999999999":     func(d *directives) { d.sMaxAge = maxLifetime },
		"proxy-revalidate;only-if-cached":      func(*directives) {},
		"proxy-revalidate,only-if-cached,=,a=b=c": func(d *directives) { d.mustRevalidate, d.onlyIfCached = true, true },
	} {
		wanted := none
		want(&wanted)
		if got := parseDirectives([]string{line}); got != wanted {
			t.Errorf("%q: %+v, want %+v", line, got, wanted)
		}
	}
	if d := parseDirectives([]string{"public", "max-age=1"}); !d.public || d.maxAge != time.Second {
		t.Errorf("two lines are read as %+v", d)
	}
}

func FuzzDirectives(f *testing.F) {
	for _, s := range []string{"max-age=60, public", `private="a,b"`, `x="\`, "=", "no-store", "a=,no-store"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d := parseDirectives([]string{line})
		for _, age := range []time.Duration{d.maxAge, d.sMaxAge, d.minFresh} {
			if age < -1 || age > maxLifetime {
				t.Errorf("%q: an age of %v", line, age)
			}
		}
		if strings.ContainsAny(line, `"`) {
			return
		}
		stored := true // by a reader that knows no quotes
		for part := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(part, "=")
			stored = stored && strings.ToLower(strings.Trim(name, " \t")) != "no-store"
		}
		if stored == d.noStore {
			t.Errorf("%q: no-store is %v", line, d.noStore)
		}
	})
}
