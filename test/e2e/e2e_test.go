// Package e2e tests Gatehouse from outside: the real program as a process, spoken to
// over the network by clients that know nothing of its code.
//
//	house_test.go      a running gatehouse and what stands in it; how a test talks to it
//	backend_test.go    the backend behind its APIs, which remembers what reached it
//	backend_settings_test.go     several targets, what is tried again, signing in at backends
//	manage_test.go     furnishing by the Management API
//	token_test.go      tokens by password, refresh, revocation
//	refresh_test.go    refreshes that race each other, and a revocation
//	client_test.go     consumer secrets, damaged forms
//	introspect_test.go introspection, and what the endpoints give away
//	call_test.go       calls through the gateway
//	target_test.go     request targets and headers that are out to cheat, over raw TCP
//	desync_test.go     requests whose end two readers could see in two places
//	policy_test.go     what a publisher has the gateway do to calls
//	policy2_test.go    the same of bodies, answers and the document
//	limits_test.go     too much of anything
//	slowdown_test.go   wrong passwords at every door
//	restart_test.go    stopped, killed, started again
//	cluster_test.go    two processes on one PostgreSQL
//	secrets_test.go    what may stand in no file
//	demo_test.go       the demo's lines in a shell
//	browser_test.go    a person in a real Chromium
//	checks_test.go     docs/security-checks.md names real tests
package e2e

import (
	"os"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func TestMain(m *testing.M) { os.Exit(gatehousetest.Main(m)) }
