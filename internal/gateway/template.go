package gateway

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// pathTemplate makes a path out of the values that a call has for the parameters of its
// resource: /v2/animals/{id}, or /v2/{rest} for what stands in the place of a template's *.
//
// What it makes is canonical, as the call's path is: its text is, a value is a whole segment
// of a canonical path, with the escapes with which it was authorised, and so it can neither
// hold a slash nor be a dot segment.
type pathTemplate struct {
	pieces []piece
	rest   bool // it ends in {rest}
}

// piece is text, or the value of a parameter.
type piece struct{ text, parameter string }

const maxTemplate = 1000 // bytes

// behind is the name by which a template asks for what is in the place of its resource's *.
const behind = "rest"

var templateParameter = regexp.MustCompile(`\{([^{}/]*)\}`)

// parseTemplate reads a template.
func parseTemplate(text string) (*pathTemplate, error) {
	if !strings.HasPrefix(text, "/") || len(text) > maxTemplate {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the path %.100q must begin with / and have up to %d bytes", text, maxTemplate)
	}
	t := &pathTemplate{}
	from := 0
	for _, at := range templateParameter.FindAllStringSubmatchIndex(text, -1) {
		name := text[at[2]:at[3]]
		switch {
		case name == "":
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the path %q has a parameter without a name", text)
		case name == behind && (at[1] != len(text) || text[at[0]-1] != '/'):
			return nil, gatehouse.Errorf(gatehouse.Invalid, "{rest} must be the last segment of the path %q, and the whole of it", text)
		}
		t.pieces = append(t.pieces, piece{text: text[from:at[0]]}, piece{parameter: name})
		t.rest, from = name == behind, at[1]
	}
	t.pieces = append(t.pieces, piece{text: text[from:]})
	plain := templateParameter.ReplaceAllLiteralString(text, "x")
	if is, ok := canonical(plain); !ok || is != plain {
		return nil, gatehouse.Errorf(gatehouse.Invalid,
			"the path %q must be in plain form: no query, no dot segments, empty segments or semicolons, escapes only where they are needed, {parameters} closed", text)
	}
	return t, nil
}

// fits checks that a resource has all parameters that t names.
func (t *pathTemplate) fits(r *gatehouse.Resource) error {
	for _, p := range t.pieces {
		switch {
		case p.parameter == behind && !strings.HasSuffix(r.Template, "/*"):
			return gatehouse.Errorf(gatehouse.Invalid, "{rest} stands for the * of a resource's path, which %s %s has not", r.Method, r.Template)
		case p.parameter != "" && p.parameter != behind && segmentOf(r.Template, p.parameter) < 0:
			return gatehouse.Errorf(gatehouse.Invalid, "{%s} is no parameter of %s %s", p.parameter, r.Method, r.Template)
		}
	}
	return nil
}

// segmentOf returns which segment of a resource's template a parameter is, -1 for none.
func segmentOf(template, parameter string) int {
	return slices.Index(strings.Split(template[1:], "/"), "{"+parameter+"}")
}

// path returns the path for a call of a resource that t fits, whose canonical path behind the
// API's base path is path.
func (t *pathTemplate) path(r *gatehouse.Resource, path string) string {
	var out strings.Builder
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, p := range t.pieces {
		switch p.parameter {
		case "":
			out.WriteString(p.text)
		case behind:
			own := strings.Count(r.Template, "/") - 1
			out.WriteString(strings.Join(segments[min(own, len(segments)):], "/"))
		default:
			out.WriteString(segments[segmentOf(r.Template, p.parameter)])
		}
	}
	if t.rest && strings.HasSuffix(out.String(), "/") && !strings.HasSuffix(path, "/") {
		return strings.TrimSuffix(out.String(), "/") // nothing stands in the place of the *
	}
	return out.String()
}
