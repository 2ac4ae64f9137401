// Package bench measures what requests cost, on loopback.
//
//	bench_test.go     the tables of results
//	measure_test.go   CPU time of a process, load, rounds
//	house_test.go     the real program as a process, furnished
//	role_test.go      processes of the test's own binary
//	backend_test.go   the backend, as fast as can be
//	floor_test.go     the least that must be paid: a process that checks nothing
//	stock_test.go     inputs that requests use up, made before each slice
//	token_test.go     POST /token: a password, a refresh token, a secret alone
//	grants_test.go    POST /token: the grants that are asked with something made for them
//	person_test.go    who signs in and allows: authorization codes, device codes
//	issuer_test.go    who signs: assertions, proofs
//	alone_test.go     the transactions and signatures of a token alone, in this process
//	gateway_test.go   calls through the gateway
//	peers_test.go     the same calls through the gateway and through its peers
//	nginx_test.go     nginx, plain and with the gateway's checks in Lua (testdata)
//	limited_test.go   an API whose calls count against limits, and its subscribers
//	load_test.go      wrk, or as many requests a second as one likes
//	start_test.go     from the start of the process to the ready line; memory
//
// The figure is CPU time per request, user and system, of the server's process alone:
// machines are shared and rates drift, CPU time much less. The load and the backend are
// other processes, so that their share is in no figure. Each figure stands beside
// its floor, measured in the same run by turns (A B A B …), as the median of the rounds
// with the least and the most. Nothing is asserted. What -benchmem adds (B/op,
// allocs/op) is the load's and means nothing here.
package bench

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
		return
	}
	code := gatehousetest.Main(m)
	results.print()
	comparison.print()
	os.Exit(code)
}

// The tables that are printed at the end.
var (
	results    = table{head: "WHAT\tCPU µs PER REQUEST\tFLOOR\tCPU µs\tRATIO\tREQUESTS/s"}
	comparison = table{head: "WHAT\tCPU µs PER REQUEST\tTHE GATEWAY ÷ THIS\tREQUESTS/s\tp50 ms\tp99 ms"}
)

type table struct {
	head string
	mu   sync.Mutex
	rows []string
}

// add adds a row. Cells that are missing at its end are empty, so that columns stay.
func (t *table) add(cells ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := [6]string{}
	copy(row[:], cells)
	t.rows = append(t.rows, strings.Join(row[:], "\t"))
}

func (t *table) print() {
	if len(t.rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\n"+t.head)
	for _, row := range t.rows {
		fmt.Fprintln(w, row)
	}
	w.Flush()
}
