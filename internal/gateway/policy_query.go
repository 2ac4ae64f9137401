package gateway

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// querySettings changes the query parameters that the backend gets. It clears or removes
// first, then renames, then sets, then adds. Names are compared as they are after decoding,
// with regard to case; parameters that no setting names stay as they were sent.
type querySettings struct {
	// Clear takes all parameters of the caller away.
	Clear bool `json:"clear,omitempty"`
	// Remove takes parameters away, however often they are there.
	Remove []string `json:"remove,omitempty"`
	// Rename gives parameters another name: {"old": "new"}.
	Rename map[string]string `json:"rename,omitempty"`
	// Set gives parameters a value, in the place of any that they had.
	Set map[string]string `json:"set,omitempty"`
	// Add gives parameters a further value.
	Add map[string]string `json:"add,omitempty"`
}

// Limits of what one policy does to queries.
const (
	maxParameterChanges = 50
	maxParameter        = 4096 // bytes of a name or a value
)

// query is the compiled form: names are as they are after decoding, everything to write is
// encoded.
type query struct {
	clear  bool
	remove []string          // set ones too
	rename map[string]string // to encoded names
	more   string            // to be put behind, sorted by name
}

func newQuery(s querySettings, _ place) (any, error) {
	q := &query{clear: s.Clear, remove: s.Remove, rename: map[string]string{}}
	n := len(s.Remove) + len(s.Rename) + len(s.Set) + len(s.Add)
	if n == 0 && !s.Clear || n > maxParameterChanges {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "remove, rename, set and add name %d parameters together: name 1 to %d, or clear", n, maxParameterChanges)
	}
	var texts []string
	for from, to := range s.Rename {
		texts, q.rename[from] = append(texts, from, to), url.QueryEscape(to)
	}
	var more [][2]string
	for _, said := range []map[string]string{s.Set, s.Add} {
		for name, value := range said {
			texts, more = append(texts, name), append(more, [2]string{name, value})
			if len(value) > maxParameter {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "the value of the parameter %.100q has %d bytes: use up to %d", name, len(value), maxParameter)
			}
		}
	}
	for _, name := range append(texts, s.Remove...) {
		if name == "" || len(name) > maxParameter {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the name of a parameter has 1 to %d bytes", maxParameter)
		}
	}
	for name := range s.Set {
		q.remove = append(q.remove, name)
	}
	slices.SortStableFunc(more, func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) })
	for _, m := range more {
		q.more += "&" + url.QueryEscape(m[0]) + "=" + url.QueryEscape(m[1])
	}
	return q, nil
}

func (q *query) rewrite(_ *call, out *http.Request) {
	sent := out.URL.RawQuery
	if q.clear {
		sent = ""
	} else if len(q.remove) > 0 || len(q.rename) > 0 {
		sent = q.change(sent)
	}
	if sent == "" {
		out.URL.RawQuery = strings.TrimPrefix(q.more, "&")
		return
	}
	out.URL.RawQuery = sent + q.more
}

// change removes and renames parameters. A semicolon parts parameters too, because some
// backends think so: what is removed is gone for them as well. Those that an & parts stay so.
func (q *query) change(sent string) string {
	var out []byte
	for sent != "" {
		parameter, parted := sent, ""
		if i := strings.IndexAny(sent, "&;"); i >= 0 {
			parameter, parted = sent[:i], sent[i:i+1]
		}
		sent = sent[len(parameter)+len(parted):]
		name, value, valued := strings.Cut(parameter, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		to, renamed := q.rename[plain]
		switch {
		case slices.Contains(q.remove, plain):
			if n := len(out); n > 0 && parted == "&" {
				out[n-1] = '&'
			}
			continue
		case renamed && valued:
			parameter = to + "=" + value
		case renamed:
			parameter = to
		}
		out = append(out, parameter+parted...)
	}
	return strings.TrimRight(string(out), "&;")
}
