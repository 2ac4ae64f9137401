package gateway

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// kept statuses: with what the backend says of their lifetime, or with the policy's own.
var (
	keptAlways  = []int{http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent, http.StatusMultipleChoices, http.StatusMovedPermanently, http.StatusPermanentRedirect}
	keptWhenSay = []int{http.StatusNotFound, http.StatusGone}
)

// keepable returns how a backend's answer is kept, without its body, and whether for
// everybody; nil when it is not for keeping (RFC 9111, section 3).
func (p *cache) keepable(c *call, l *looking, res *http.Response) (s *stored, shared bool) {
	says := parseDirectives(res.Header["Cache-Control"])
	varies, ok := varying(res.Header)
	switch {
	case !ok, says.noStore, says.private, res.Header["Set-Cookie"] != nil, res.Trailer != nil, res.ContentLength > p.MaxBody, !ends(res):
		return nil, false
	case strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream"), res.Header["Content-Range"] != nil:
		return nil, false
	}
	s = &stored{
		shelf: l.shelf, status: res.StatusCode, header: res.Header.Clone(), varies: varies,
		at: c.gateway.Now(), always: says.noCache,
	}
	delete(s.header, "Age")
	s.age = initialAge(res.Header, l.since, s.at)
	told := true
	if s.lifetime, told = lifetimeOf(res.Header, &says, s.at); !told {
		s.lifetime = time.Duration(p.Lifetime)
	}
	validated := s.header["Etag"] != nil || s.header["Last-Modified"] != nil
	switch {
	case !slices.Contains(keptAlways, res.StatusCode) && !(told && slices.Contains(keptWhenSay, res.StatusCode)):
		return nil, false
	case (s.always || s.age >= s.lifetime) && !(validated && (told || s.always)):
		return nil, false // it could be given to nobody
	}
	for _, name := range varies {
		s.values = append(s.values, c.r.Header[name])
	}
	// RFC 9111, section 3.5, which speaks of calls with credentials. The gateway removes
	// them, so an answer that varies by them varies by who calls.
	open := says.public || says.sMaxAge >= 0 || says.mustRevalidate && c.r.Header["Cookie"] == nil
	return s, open && !slices.Contains(varies, "Authorization")
}

// varying returns the headers by which an answer varies: as it says, and by the encoding
// when it is encoded. It is false for one that varies by more than requests show.
func varying(h http.Header) ([]string, bool) {
	var names []string
	for name := range strings.SplitSeq(strings.Join(h["Vary"], ","), ",") {
		if name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); name == "*" {
			return nil, false
		}
		if name != "" {
			names = append(names, name)
		}
	}
	if h["Content-Encoding"] != nil {
		names = append(names, "Accept-Encoding")
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// ends reports whether it can be seen that an answer arrived in full: by its length, by the
// end of its chunks, or of its stream.
func ends(res *http.Response) bool {
	return res.ContentLength >= 0 || res.ProtoMajor >= 2 || slices.Contains(res.TransferEncoding, "chunked")
}

// initialAge is corrected_initial_age of RFC 9111, section 4.2.3.
func initialAge(h http.Header, asked, arrived time.Time) time.Duration {
	var apparent time.Duration
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		apparent = arrived.Sub(date)
	}
	return max(0, apparent, seconds(h.Get("Age"))+arrived.Sub(asked))
}

// lifetimeOf is the freshness lifetime of RFC 9111, section 4.2.1; false when the answer
// says nothing of it.
func lifetimeOf(h http.Header, says *directives, arrived time.Time) (time.Duration, bool) {
	switch {
	case says.sMaxAge >= 0:
		return says.sMaxAge, true
	case says.maxAge >= 0:
		return says.maxAge, true
	case h["Expires"] == nil:
		return 0, false
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0, true
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = arrived
	}
	return min(max(0, expires.Sub(from)), maxLifetime), true
}

// freshen takes what the backend's 304 says of what was kept, and answers with that (RFC
// 9111, section 4.3.4).
func (l *looking) freshen(c *call, res *http.Response) {
	old := l.stale
	s := *old
	s.place, s.header = nil, old.header.Clone()
	for name, values := range res.Header {
		if !strings.HasPrefix(name, "Content-") {
			s.header[name] = values
		}
	}
	delete(s.header, "Age")
	says := parseDirectives(s.header["Cache-Control"])
	s.at, s.always = c.gateway.Now(), says.noCache
	s.age = initialAge(res.Header, l.since, s.at)
	if lifetime, told := lifetimeOf(s.header, &says, s.at); told {
		s.lifetime = lifetime
	}
	if s.body == nil {
		s.body = []byte{}
	}
	if !says.noStore && !says.private {
		l.keep = &s
	}
	res.Body.Close()
	fresh := s.give(c, s.at)
	fresh.Header.Add("Cache-Status", "Gatehouse; hit; fwd=stale")
	res.StatusCode, res.Header, res.Body, res.ContentLength = fresh.StatusCode, fresh.Header, fresh.Body, fresh.ContentLength
}
