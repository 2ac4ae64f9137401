// Package conformance runs clients that nobody here wrote against the real program: what
// they make of the Token API is what users will make of it. Its result is a table of
// clients and flows, which docs/conformance.md keeps.
//
// Files: conformance_test.go runs, flow_test.go names the flows, table_test.go keeps the
// result, known.txt lists the failures that are known; program_test.go and house_test.go
// set up, person_test.go is the person with the browser. Then one file per Go client;
// node_test.go runs those in the folder node.
//
// It is a module of its own, so that the clients are no dependencies of the product. It
// imports nothing of the product either: all it knows came over the wire.
package conformance

import (
	"flag"
	"testing"
)

// library is a client library.
type library struct {
	name   string // as its users call it
	module string // what go.mod or package-lock.json names its version by
	// run tells each flow that the library knows, and how it goes.
	run func(t *testing.T, h *house, tell func(flow, func() error))
}

// libraries are the clients in the order of the table.
func libraries() []library {
	return []library{
		{"x/oauth2", "golang.org/x/oauth2", runXOAuth2},
		{"go-oidc", "github.com/coreos/go-oidc/v3", runGoOIDC},
		{"zitadel rp", "github.com/zitadel/oidc/v3", runZitadelRP},
		{"zitadel rs", "github.com/zitadel/oidc/v3", runZitadelRS},
		{"openid-client", "openid-client", node("openid-client")},
		{"oauth4webapi", "oauth4webapi", node("oauth4webapi")},
		{"simple-oauth2", "simple-oauth2", node("simple-oauth2")},
	}
}

func TestClients(t *testing.T) {
	h := furnish(t)
	result := newTable(t)
	ran := 0
	for _, l := range libraries() {
		t.Run(l.name, func(t *testing.T) {
			l.run(t, h, func(f flow, run func() error) {
				t.Run(string(f), func(t *testing.T) { result.note(t, l.name, f, run()) })
			})
			ran++ // one that skips itself does not come here
		})
	}
	result.print()
	if all := flag.Lookup("test.run").Value.String() == ""; all && ran == len(libraries()) && !t.Failed() {
		result.keep(t)
	}
}
