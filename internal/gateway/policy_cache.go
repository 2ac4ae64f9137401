package gateway

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// cacheSettings keeps answers to GET in the memory of the node and gives them again, to GET
// and HEAD, as RFC 9111 says: for as long as the backend allows (Cache-Control: s-maxage or
// max-age, or Expires), and then after asking the backend whether they still hold (ETag and
// Last-Modified). Calls are authorised and counted as ever; the policies of the response
// side run for every answer, kept or not. Answers from memory have the header Age, and
// Cache-Status (RFC 9211).
//
// Put it on the API: calls that change something (POST, PUT, PATCH, DELETE) and succeed
// drop what is kept of their path, and a change of the API drops all of it. Of an API's and
// a resource's policy, the resource's holds alone.
//
// Never kept are answers that say no-store or private, set cookies, vary by everything, or
// end in trailers; streams of events; answers to requests that ask for a part (Range), have
// a body or say no-store; and whatever did not arrive to its end.
type cacheSettings struct {
	// Lifetime is for how long an answer is kept that says nothing of that itself, like
	// "5m". Without it such an answer is not kept.
	Lifetime duration `json:"lifetime,omitempty"`
	// Share gives an answer to whoever may call. Without it the answer to a call with a
	// token is given again to the same user of the same application with the same scopes
	// alone, unless the backend lets it be shared: by public, s-maxage or must-revalidate in
	// its Cache-Control. Set it when the backend does not look at who calls. Calls with
	// cookies share nothing either way, unless the backend says public or s-maxage.
	Share bool `json:"share,omitempty"`
	// MaxBody is how many bytes the body of an answer may have that is kept, up to 8388608;
	// 262144 (256 KiB) when it is not given. All APIs together have 64 MiB and 50,000
	// answers on each node.
	MaxBody int64 `json:"maxBody,omitempty"`
}

// cache is the compiled form.
type cache struct{ cacheSettings }

const (
	// maxWait is how long a call waits for another one that asks the backend for the same.
	maxWait = 5 * time.Second
	// passLifetime is for how long the node remembers that an answer is not for keeping, so
	// that calls do not wait for each other in vain.
	passLifetime = time.Minute
)

func newCache(s cacheSettings, _ place) (any, error) {
	if s.Lifetime < 0 || time.Duration(s.Lifetime) > maxLifetime {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "lifetime must be from 1s to 8760h")
	}
	s.MaxBody = cmp.Or(s.MaxBody, 256<<10)
	if err := inBounds(map[string]bound{"maxBody": {int(s.MaxBody), 8 << 20}}); err != nil {
		return nil, err
	}
	return &cache{s}, nil
}

// looking is a call on which the cache keeps an eye.
type looking struct {
	shelf
	own     variant // that this caller finds
	changes uint64  // of the shelf, when the call was looked up
	since   time.Time
	hit     bool    // what is answered was kept
	stale   *stored // what is asked for anew
	keep    *stored // what is to be kept
	done    func()  // lets those go on that wait for this call; nil when nobody does
}

// shelfOf is where answers to a call are.
func (c *call) shelfOf() shelf {
	d := &c.decision
	return shelf{d.API, d.Authorization != nil && d.Authorization.KeyType == gatehouse.Sandbox, d.Rest}
}

// answer answers from memory when it can.
func (p *cache) answer(c *call) bool {
	h := c.r.Header
	asks := parseDirectives(h["Cache-Control"])
	switch {
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead, hasBody(c.r), asks.noStore:
		return false
	case h["Range"] != nil, h["If-Match"] != nil, h["If-Unmodified-Since"] != nil, h["If-Range"] != nil, h["Upgrade"] != nil:
		return false
	}
	if h["Cache-Control"] == nil && h.Get("Pragma") == "no-cache" { // RFC 9111, section 5.4
		asks.noCache = true
	}
	l := &looking{shelf: c.shelfOf(), own: variant{withoutToken(c.head.Query), p.who(c)}, since: c.gateway.Now()}
	found := p.look(c, l)
	if found != nil && !found.pass && found.fresh(&asks, l.since) {
		return c.answerKept(l, found)
	}
	if asks.onlyIfCached {
		c.refuse(notKept)
		return true
	}
	if c.r.Method == http.MethodHead {
		return false
	}
	if found == nil || !found.pass {
		if again := p.wait(c, l); again != nil && !again.pass && again.fresh(&directives{maxAge: -1, minFresh: -1}, c.gateway.Now()) {
			return c.answerKept(l, again)
		}
	}
	c.kept.looking = l
	return false
}

// look finds what is kept for everybody or for this caller.
func (p *cache) look(c *call, l *looking) *stored {
	found, changes := c.gateway.answers.find(l.shelf, c.r.Header, variant{query: l.own.query}, l.own)
	l.changes, l.stale = changes, nil
	switch {
	case found == nil || found.pass && found.ageAt(l.since) >= found.lifetime:
		return nil
	case !found.pass:
		l.stale = found
	}
	return found
}

// wait waits while another call asks the backend for the same, and returns what came of it.
// The first call does not wait: others wait for it, at the longest until it is over.
func (p *cache) wait(c *call, l *looking) *stored {
	running, done, first := c.gateway.answers.lead(flight{l.shelf, l.own})
	if first {
		context.AfterFunc(c.r.Context(), done)
		l.done = done
		return nil
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-running:
	case <-timer.C:
	case <-c.r.Context().Done():
	}
	l.since = c.gateway.Now()
	return p.look(c, l)
}

// who tells callers apart whose answers may differ; it is empty for a caller of whom the
// backend learns nothing.
func (p *cache) who(c *call) string {
	cookies := strings.Join(c.r.Header["Cookie"], "; ")
	a := c.decision.Authorization
	if a == nil || p.Share {
		return cookies
	}
	return strings.Join([]string{a.ConsumerKey, a.Subject, a.Username, strings.Join(a.Scopes, " "), string(a.Actor), cookies}, "\x00")
}

// fresh reports whether an answer may be given without asking the backend.
func (s *stored) fresh(asks *directives, now time.Time) bool {
	age := s.ageAt(now)
	return !s.always && !asks.noCache && age < s.lifetime && (asks.maxAge < 0 || age <= asks.maxAge) &&
		(asks.minFresh < 0 || s.lifetime-age >= asks.minFresh)
}

// ageAt is the current_age of RFC 9111, section 4.2.3.
func (s *stored) ageAt(now time.Time) time.Duration { return s.age + max(0, now.Sub(s.at)) }

// answerKept answers with what was kept.
func (c *call) answerKept(l *looking, s *stored) bool {
	l.hit = true
	c.kept.looking = l
	res := s.give(c, c.gateway.Now())
	res.Header.Add("Cache-Status", "Gatehouse; hit")
	c.answerInstead(res)
	return true
}

// give makes an answer out of what was kept: 304 for a caller that has it (RFC 9110,
// section 13.1).
func (s *stored) give(c *call, now time.Time) *http.Response {
	header := s.header.Clone()
	header["Age"] = []string{strconv.FormatInt(int64(s.ageAt(now)/time.Second), 10)}
	if s.status != http.StatusOK || !s.has(c.r.Header) {
		return newAnswer(s.status, header, s.body)
	}
	for name := range header {
		if strings.HasPrefix(name, "Content-") && name != "Content-Location" {
			delete(header, name)
		}
	}
	return newAnswer(http.StatusNotModified, header, nil)
}

// has reports whether the caller says that it has s.
func (s *stored) has(h http.Header) bool {
	if tags := h["If-None-Match"]; tags != nil {
		own := strings.TrimPrefix(s.header.Get("Etag"), "W/")
		for tag := range strings.SplitSeq(strings.Join(tags, ","), ",") {
			tag = strings.Trim(tag, " \t")
			if tag == "*" || own != "" && strings.TrimPrefix(tag, "W/") == own {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	modified, also := http.ParseTime(s.header.Get("Last-Modified"))
	return err == nil && also == nil && !modified.After(since)
}

// rewrite asks the backend whether what was kept still holds, in the place of what the
// caller asks: the caller is answered out of what comes of it.
func (p *cache) rewrite(c *call, out *http.Request) {
	l := c.kept.looking
	if l == nil || l.stale == nil {
		return
	}
	tag, modified := l.stale.header["Etag"], l.stale.header["Last-Modified"]
	if tag == nil && modified == nil {
		l.stale = nil
		return
	}
	for name, values := range map[string][]string{"If-None-Match": tag, "If-Modified-Since": modified} {
		if delete(out.Header, name); values != nil {
			out.Header[name] = values
		}
	}
}

// respond takes the backend's answer before any other policy changes it.
func (p *cache) respond(c *call, res *http.Response) error {
	l := c.kept.looking
	switch {
	case changing(c.r.Method):
		return forgets{}.respond(c, res)
	case l == nil || l.hit:
		return nil
	case res.StatusCode == http.StatusNotModified && l.stale != nil:
		l.freshen(c, res)
		return nil
	}
	s, shared := p.keepable(c, l, res)
	if s == nil {
		l.passed(res)
		return nil
	}
	if s.variant = l.own; shared {
		s.who = ""
	}
	res.Header.Add("Cache-Status", "Gatehouse; fwd=miss")
	if l.keep = s; res.ContentLength < 0 {
		l.free()
		return nil
	}
	// All of it is read now, so that nobody waits for a slow caller to take it.
	var err error
	if s.body, err = io.ReadAll(res.Body); err != nil {
		return err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(s.body))
	return nil
}

// passed takes note that an answer was not for keeping, unless it is the backend's failure
// or says that the caller has it.
func (l *looking) passed(res *http.Response) {
	if res.StatusCode < http.StatusInternalServerError && res.StatusCode != http.StatusNotModified {
		l.keep = &stored{shelf: l.shelf, variant: l.own, pass: true, at: l.since, lifetime: passLifetime}
	}
	l.free()
}

func (l *looking) free() {
	if l.done != nil {
		l.done()
	}
}

// settle keeps what is to be kept, when no policy refused the answer: at once, or when the
// caller has read it to its end.
func (c *call) settle(res *http.Response) {
	l := c.kept.looking
	if l == nil || l.keep == nil {
		return
	}
	if l.keep.pass || l.keep.body != nil {
		c.gateway.answers.put(l.keep, l.changes)
		l.free()
		return
	}
	res.Body = &recorded{ReadCloser: res.Body, answers: &c.gateway.answers, s: l.keep, changes: l.changes, most: c.decision.policies.cache.MaxBody}
}

// recorded is a body of unknown length, which is kept when it was read to its end.
type recorded struct {
	io.ReadCloser
	answers *answers
	s       *stored
	changes uint64
	most    int64
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if r.s == nil {
		return n, err
	}
	r.s.body = append(r.s.body, p[:n]...)
	switch {
	case err == io.EOF && int64(len(r.s.body)) <= r.most:
		r.answers.put(r.s, r.changes)
		r.s = nil
	case err != nil || int64(len(r.s.body)) > r.most:
		r.s = nil
	}
	return n, err
}

// forgets drops what is kept of a path when a call changed what is there (RFC 9111, section
// 4.4). It stands in the chains of methods that change something, of APIs with a cache.
type forgets struct{}

func (forgets) respond(c *call, res *http.Response) error {
	if res.StatusCode >= 200 && res.StatusCode < 400 {
		s := c.shelfOf()
		c.gateway.answers.forget(s)
		s.sandbox = !s.sandbox // it may be the same backend
		c.gateway.answers.forget(s)
	}
	return nil
}

func changing(method string) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}
