package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is a line that a program in the folder node prints: a flow, and why it failed
// if it did.
type outcome struct {
	Flow  flow
	Error string
}

// node runs the program of a client from npm. It is told of the house on standard input.
func node(name string) func(*testing.T, *house, func(flow, func() error)) {
	return func(t *testing.T, h *house, tell func(flow, func() error)) {
		if _, err := exec.LookPath("node"); err != nil {
			t.Skip("node is not installed")
		}
		if _, err := os.Stat(filepath.Join("node", "node_modules", name)); err != nil {
			t.Skipf("%s is not installed: run make conformance", name)
		}
		facts, err := json.Marshal(map[string]any{
			"issuer": h.issuer, "api": h.api, "username": john, "password": johnsPassword, "management": h.management,
			"redirectURI": redirectURI, "signedOutURI": signedOutURI, "browser": h.lend(t), "assertion": h.assertion(t),
			"store": h.store, "reader": h.reader, "keyed": h.keyed, "public": h.public, "bound": h.bound,
		})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "node", name+".mjs")
		cmd.Dir, cmd.Stdin, cmd.Stderr = "node", strings.NewReader(string(facts)), t.Output()
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+h.certificate)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var o outcome
			if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
				t.Errorf("%s: %v", lines.Text(), err)
				continue
			}
			tell(o.Flow, func() error {
				if o.Error == "" {
					return nil
				}
				return errors.New(o.Error)
			})
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s.mjs: %v", name, err)
		}
	}
}
