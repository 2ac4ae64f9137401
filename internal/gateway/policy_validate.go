package gateway

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// validateSettings holds calls against the OpenAPI document of the API: requests, or on the
// response side answers. Put it on both sides to have both checked; to enable schema
// validation in a management client does that.
//
// Of a request it checks the parameters in the path, the query and the headers, that there
// is a body where one is required, the media type of the body, and the body itself where
// that is JSON. What is wrong is answered 400 "Schema validation failed in the Request", with
// the place in the body as a JSON pointer; a media type that the document does not name is
// answered 415, a body that is too large 413. Neither repeats a value.
//
// Of an answer it checks the media type and the body, when the document says something of
// its status. What is wrong is answered 500 "Schema validation failed in the Response". The
// backend is asked for answers that are not compressed, so that they can be read.
//
// Objects in the query, cookies, and bodies of other media types are not looked into. In
// schemas, discriminator is ignored, formats are checked, and patterns are those of RE2: a
// document whose schemas cannot be checked in bounded time is refused when it is stored.
type validateSettings struct {
	// MaxBody is how many bytes a body may have that is checked, up to 67108864; 1048576
	// (1 MiB) when it is not given. A body that is checked is read into memory.
	MaxBody int64 `json:"maxBody,omitempty"`
}

// validate is the compiled form.
type validate struct {
	side       gatehouse.Side
	max        int64
	document   *reading // while the API is compiled
	operations map[*gatehouse.Resource]*operation
}

func newValidate(s validateSettings, p place) (any, error) {
	v := &validate{side: p.side, max: cmp.Or(s.MaxBody, 1<<20), document: p.document, operations: map[*gatehouse.Resource]*operation{}}
	return v, inBounds(map[string]bound{"maxBody": {int(v.max), maxRead}})
}

// fits compiles what the document says of a resource.
func (v *validate) fits(r *gatehouse.Resource) error {
	d, err := v.document.get()
	if err != nil {
		return err
	}
	v.operations[r], err = d.operation(r, v.side)
	return err
}

func (v *validate) answer(c *call) bool {
	if v.side != gatehouse.RequestSide || c.r.Header["Upgrade"] != nil {
		return false
	}
	o := v.operations[c.decision.Resource]
	if wrong := o.checkParameters(c); wrong != "" {
		c.refuse(status(http.StatusBadRequest, "Bad Request", "Schema validation failed in the Request: "+wrong))
		return true
	}
	if refusal := v.checkBody(c, o); refusal != nil {
		c.refuse(refusal)
		return true
	}
	return false
}

func (v *validate) checkBody(c *call, o *operation) *Refusal {
	wrong := func(what string) *Refusal {
		return status(http.StatusBadRequest, "Bad Request", "Schema validation failed in the Request: "+what)
	}
	none := !hasBody(c.r)
	if c.r.ContentLength < 0 && (o.content == nil || c.r.Header["Content-Type"] == nil) {
		body, refusal := c.readBody(v.max)
		if refusal != nil {
			return refusal
		}
		none = len(body) == 0
	}
	switch {
	case none && o.required:
		return wrong("the body is missing")
	case none:
		return nil
	case o.content == nil:
		return wrong("there must be no body")
	}
	m := mediaOf(c.r.Header)
	s, known := o.content.find(m.name)
	switch {
	case !m.clear:
		return unclearMedia
	case !known:
		return otherMedia
	case s == nil:
		return nil
	case !m.plain:
		return encodedBody
	}
	body, refusal := c.readBody(v.max)
	switch {
	case refusal != nil:
		return refusal
	case len(body) == 0 && o.required:
		return wrong("the body is missing")
	case len(body) == 0:
		return nil
	}
	if what := s.checkText(body); what != "" {
		return wrong("the body" + what)
	}
	return nil
}

// rewrite asks for answers that can be read.
func (v *validate) rewrite(_ *call, out *http.Request) {
	if v.side == gatehouse.ResponseSide {
		delete(out.Header, "Accept-Encoding")
	}
}

func (v *validate) respond(c *call, res *http.Response) error {
	switch {
	case v.side != gatehouse.ResponseSide || c.r.Method == http.MethodHead:
		return nil
	case res.StatusCode < 200 || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified:
		return nil
	}
	content, exact := v.operations[c.decision.Resource].answer(res.StatusCode)
	if content == nil || res.ContentLength == 0 && !exact {
		return nil
	}
	wrong := func(what string) error {
		return status(http.StatusInternalServerError, "Internal Server Error", "Schema validation failed in the Response: "+what)
	}
	m := mediaOf(res.Header)
	s, known := content.find(m.name)
	switch {
	case res.ContentLength == 0:
		return wrong("the body is missing")
	case !m.clear || !known:
		return wrong("the Content-Type is none that the document names")
	case s == nil:
		return nil
	case !m.plain:
		return wrong("the body is in an encoding in which it cannot be read")
	case res.ContentLength > v.max:
		return wrong(fmt.Sprintf("the body has more than %d bytes", v.max))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, v.max+1))
	if err != nil {
		return err
	}
	if int64(len(body)) > v.max {
		return wrong(fmt.Sprintf("the body has more than %d bytes", v.max))
	}
	if what := s.checkText(body); what != "" {
		return wrong("the body" + what)
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// operation is what a document says of a resource.
type operation struct {
	parameters []parameter
	required   bool               // there must be a body
	content    content            // of the request; nil when there must be none
	answers    map[string]content // by "200", "2XX" or "default"
}

// content is what a body may be: by media type, the schema of JSON, or nil for what is not
// looked into.
type content map[string]*schema

// find returns the schema for a media type; false when the type is none of those.
func (c content) find(name string) (*schema, bool) {
	main, _, _ := strings.Cut(name, "/")
	for _, key := range []string{name, main + "/*", "*/*"} {
		if s, ok := c[key]; ok && name != "" {
			if !isJSON(name) {
				s = nil
			}
			return s, true
		}
	}
	return nil, false
}

// answer returns what answers of a status may be, nil when anything; exact is whether the
// document means this status rather than whatever it does not name.
func (o *operation) answer(status int) (c content, exact bool) {
	code := strconv.Itoa(status)
	for _, key := range []string{code, code[:1] + "XX"} {
		if c, ok := o.answers[key]; ok {
			return c, true
		}
	}
	return o.answers["default"], false
}

// operation compiles what d says of a resource on one side.
func (d *document) operation(r *gatehouse.Resource, side gatehouse.Side) (*operation, error) {
	item := d.at(spot{value: d.root}, "paths", r.Template)
	found := d.at(item, strings.ToLower(r.Method))
	if found.value == nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the OpenAPI document says nothing of %s %s: add it there, or put the policy on other resources", r.Method, r.Template)
	}
	o := &operation{}
	var err error
	if side == gatehouse.ResponseSide {
		o.answers = map[string]content{}
		answers := d.at(found, "responses")
		for code := range answers.value {
			if o.answers[strings.ToUpper(code)], err = d.content(responses, d.at(answers, code, "content")); err != nil {
				return nil, err
			}
		}
		if c, ok := o.answers["DEFAULT"]; ok {
			o.answers["default"] = c
		}
		return o, nil
	}
	if o.parameters, err = d.parameters(item, found); err != nil {
		return nil, err
	}
	body := d.at(found, "requestBody")
	o.required = body.value["required"] == true
	o.content, err = d.content(requests, d.at(body, "content"))
	return o, err
}

// content compiles the schemas of media types; nil when there are none.
func (d *document) content(side int, at spot) (content, error) {
	if len(at.value) == 0 {
		return nil, nil
	}
	c := content{}
	for name := range at.value {
		key, _, _ := strings.Cut(strings.ToLower(name), ";")
		key = strings.TrimSpace(key)
		media := d.at(at, name)
		c[key] = nil
		if !isJSON(key) && !strings.HasSuffix(key, "/*") || media.value["schema"] == nil {
			continue
		}
		s, err := d.schema(side, spot{way: append(media.way, "schema")})
		if err != nil {
			return nil, err
		}
		c[key] = s
	}
	return c, nil
}
