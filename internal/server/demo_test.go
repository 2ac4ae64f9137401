package server_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
	"github.com/gatehouse/gatehouse/internal/server"
)

// Every curl line that the demo prints works in a shell as it is printed.
func TestDemoLinesWorkWhenPasted(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed: apt-get install curl")
	}
	s := gatehousetest.Start(t)
	var printed strings.Builder
	if err := server.Demo(t.Context(), s.Server, &printed); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(printed.String()) {
		if strings.HasPrefix(line, "curl ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	wants := []struct{ holds, lacks string }{
		{`"token_type":"Bearer"`, "error"},
		{"The gatehouse is open", "code"},
		{"The gatehouse is wide open", "code"},
		{`"code":"900910"`, "wide open"},
		{`"refresh_token":"ghr_`, "error"},
	}
	if len(lines) != len(wants) {
		t.Fatalf("%d curl lines, want %d:\n%s", len(lines), len(wants), printed.String())
	}
	for i, want := range wants {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", lines[i]).Output()
		if err != nil || !strings.Contains(string(out), want.holds) || strings.Contains(string(out), want.lacks) {
			t.Errorf("%s\n→ %s %v, want %s and no %s", lines[i], out, err, want.holds, want.lacks)
		}
	}
}

func TestMain(m *testing.M) { os.Exit(gatehousetest.Main(m)) }
