package rest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// otherNames are the policies of other files and scripts for WSO2's API Manager that mean what
// ours do. Whoever reads an API gets ours.
var otherNames = map[string]func(given parameters) ([]gatehouse.Policy, error){
	"addHeader":           setHeader,
	"setHeader":           setHeader,
	"removeHeader":        removeHeader,
	"addQueryParam":       addQueryParam,
	"removeQueryParam":    removeQueryParam,
	"rewriteResourcePath": rewriteResourcePath,
	"changeHTTPMethod":    changeHTTPMethod,
}

// parameters are those of a policy by another name.
type parameters map[string]any

// translate returns p as one or more of ours.
func (p *policyBody) translate(side gatehouse.Side) ([]gatehouse.Policy, error) {
	read, other := otherNames[p.Name]
	if !other {
		return []gatehouse.Policy{{Name: p.Name, Side: side, Settings: p.Parameters}}, nil
	}
	given := parameters{}
	if len(p.Parameters) > 0 {
		if err := json.Unmarshal(p.Parameters, &given); err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the parameters of the policy %s must be an object", p.Name)
		}
	}
	policies, err := read(given)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the policy %s: %s", p.Name, gatehouse.MessageOf(err))
	}
	for i := range policies {
		policies[i].Side = side
	}
	return policies, nil
}

// text returns a parameter that must be there.
func (p parameters) text(name string) (string, error) {
	value, ok := p[name].(string)
	if !ok || value == "" {
		return "", gatehouse.Errorf(gatehouse.Invalid, "it needs the parameter %s, a text", name)
	}
	return value, nil
}

// pair returns two parameters as an object with one field.
func (p parameters) pair(name, value string) (map[string]string, error) {
	n, err := p.text(name)
	if err != nil {
		return nil, err
	}
	v, _ := p[value].(string) // an empty one is a value too
	return map[string]string{n: v}, nil
}

// one returns one policy.
func one(name string, settings map[string]any, err error) ([]gatehouse.Policy, error) {
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(settings)
	return []gatehouse.Policy{{Name: name, Settings: text}}, err
}

func setHeader(given parameters) ([]gatehouse.Policy, error) {
	header, err := given.pair("headerName", "headerValue")
	return one("headers", map[string]any{"set": header}, err)
}

func removeHeader(given parameters) ([]gatehouse.Policy, error) {
	name, err := given.text("headerName")
	return one("headers", map[string]any{"remove": []string{name}}, err)
}

func addQueryParam(given parameters) ([]gatehouse.Policy, error) {
	parameter, err := given.pair("paramKey", "paramValue")
	return one("query", map[string]any{"add": parameter}, err)
}

func removeQueryParam(given parameters) ([]gatehouse.Policy, error) {
	name, err := given.text("paramKey")
	return one("query", map[string]any{"remove": []string{name}}, err)
}

// rewriteResourcePath names parameters {uri.var.id}, and forgets the query unless it is told
// to keep it.
func rewriteResourcePath(given parameters) ([]gatehouse.Policy, error) {
	path, err := given.text("newResourcePath")
	path = "/" + strings.TrimPrefix(strings.ReplaceAll(path, "{uri.var.", "{"), "/")
	policies, err := one("rewrite", map[string]any{"path": path}, err)
	if err != nil || strings.EqualFold(fmt.Sprint(given["includeQueryParams"]), "true") {
		return policies, err
	}
	clear, err := one("query", map[string]any{"clear": true}, nil)
	return append(policies, clear...), err
}

func changeHTTPMethod(given parameters) ([]gatehouse.Policy, error) {
	method, err := given.text("updatedMethod")
	return one("rewrite", map[string]any{"method": method}, err)
}
