package gateway

import (
	"net/http"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// rewriteSettings sends a call to another path of the backend, or with another method. What
// the caller may do is decided by the path and method that it used. The last policy of a
// resource that names a path, or a method, wins.
type rewriteSettings struct {
	// Path is a template of the path behind the backend's own, which it never leaves. It takes
	// the parameters of the resource's path, as in /v2/animals/{petId}, and for a resource that
	// ends in /* what stands in its place, as in /v2/{rest}. The query stays as it is.
	Path string `json:"path,omitempty"`
	// Method is the one that the backend is called with: GET, POST, PUT, PATCH, DELETE or OPTIONS.
	Method string `json:"method,omitempty"`
}

// rewritten is the compiled form. The template, nil when the path stays, is used where the
// backend's URL is made.
type rewritten struct {
	template *pathTemplate
	method   string
}

func newRewrite(s rewriteSettings, _ place) (any, error) {
	p := &rewritten{method: s.Method}
	switch {
	case s.Path == "" && s.Method == "":
		return nil, gatehouse.Errorf(gatehouse.Invalid, "it changes nothing: set path or method")
	case s.Method == http.MethodHead, s.Method != "" && !slices.Contains(gatehouse.Methods, s.Method):
		return nil, gatehouse.Errorf(gatehouse.Invalid, "%q cannot be the method: use GET, POST, PUT, PATCH, DELETE or OPTIONS", s.Method)
	case s.Path == "":
		return p, nil
	}
	var err error
	p.template, err = parseTemplate(s.Path)
	return p, err
}

func (p *rewritten) fits(r *gatehouse.Resource) error {
	if p.template == nil {
		return nil
	}
	return p.template.fits(r)
}

func (p *rewritten) rewrite(_ *call, out *http.Request) {
	if p.method != "" {
		out.Method = p.method
	}
}
