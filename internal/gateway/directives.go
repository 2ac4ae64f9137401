package gateway

import (
	"strconv"
	"strings"
	"time"
)

// directives is what a Cache-Control header says (RFC 9111, section 5.2), as far as the
// gateway asks. Durations are negative when nothing is said of them.
type directives struct {
	noStore, noCache, onlyIfCached  bool
	private, public, mustRevalidate bool
	maxAge, sMaxAge, minFresh       time.Duration
}

// maxLifetime is the longest time that is told from a longer one.
const maxLifetime = 365 * 24 * time.Hour

// parseDirectives reads all lines of a Cache-Control header. A directive of which something
// unreadable is said counts as its strictest form: an age is none at all, and what is said
// of some headers only is taken as said of all. Of a directive that stands twice the
// stricter one counts.
func parseDirectives(lines []string) directives {
	d := directives{maxAge: -1, sMaxAge: -1, minFresh: -1}
	for _, line := range lines {
		for line != "" {
			var name, value string
			name, value, line = directive(line)
			switch name {
			case "no-store":
				d.noStore = true
			case "no-cache":
				d.noCache = true
			case "only-if-cached":
				d.onlyIfCached = true
			case "private":
				d.private = true
			case "public":
				d.public = true
			case "must-revalidate", "proxy-revalidate":
				d.mustRevalidate = true
			case "max-age":
				shorten(&d.maxAge, value)
			case "s-maxage":
				shorten(&d.sMaxAge, value)
			case "min-fresh":
				d.minFresh = max(d.minFresh, seconds(value))
			}
		}
	}
	return d
}

// directive cuts the first directive off a line that is not empty.
func directive(line string) (name, value, rest string) {
	line = strings.TrimLeft(line, ", \t")
	end := strings.IndexAny(line, ",=")
	if end < 0 {
		end = len(line)
	}
	name, rest = strings.ToLower(strings.Trim(line[:end], " \t")), line[end:]
	if !strings.HasPrefix(rest, "=") {
		return name, "", rest
	}
	rest = strings.TrimLeft(rest[1:], " \t")
	if !strings.HasPrefix(rest, `"`) {
		value, rest, _ = strings.Cut(rest, ",")
		return name, strings.TrimRight(value, " \t"), rest
	}
	var text strings.Builder
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && i+1 < len(rest):
			i++
		case rest[i] == '"':
			_, rest, _ = strings.Cut(rest[i+1:], ",")
			return name, text.String(), rest
		}
		text.WriteByte(rest[i])
	}
	return name, text.String(), "" // the quote is never closed
}

func shorten(d *time.Duration, value string) {
	if s := seconds(value); *d < 0 || s < *d {
		*d = s
	}
}

// seconds reads delta-seconds (RFC 9111, section 1.2.2): 0 when they cannot be read.
func seconds(value string) time.Duration {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n > int64(maxLifetime/time.Second) {
		return maxLifetime // more digits than a number has
	}
	return time.Duration(n) * time.Second
}
