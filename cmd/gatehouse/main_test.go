package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
)

// buildProgram builds the program once for a test and its subtests.
func buildProgram(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gatehouse")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// command is the binary in a folder of its own, which may hold a gatehouse.yaml.
func command(t *testing.T, binary, file string, environ, args []string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}, environ...)
	if file != "" {
		if err := os.WriteFile(filepath.Join(cmd.Dir, "gatehouse.yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cmd
}

func words(line string) []string { return strings.Fields(line) }

func TestCommandLine(t *testing.T) {
	binary := buildProgram(t)
	for _, test := range []struct {
		name    string
		args    string
		environ []string
		file    string
		code    int
		stdout  []string // parts, in order
		stderr  []string
	}{
		{"no command shows the commands", "", nil, "", 0, words("demo serve config version"), nil},
		{"config shows where each setting comes from", "config --role=portal", []string{"GATEHOUSE_LOG_LEVEL=warn"}, "hash-queue: 7\n", 0,
			words("SETTING VALUE ORIGIN data gatehouse-data default role portal --role log-level warn GATEHOUSE_LOG_LEVEL hash-queue 7 gatehouse.yaml:1"), nil},
		{"config masks secrets", "config --database=postgres://gatehouse:canary@db/gatehouse", []string{"GATEHOUSE_ADMIN_PASSWORD=canary"}, "", 0,
			words("postgres://gatehouse:[redacted]@db/gatehouse [redacted] GATEHOUSE_ADMIN_PASSWORD"), nil},
		{"version says what was built", "version", nil, "", 0, words("gatehouse go1. /"), nil},
		{"completion writes a script", "completion bash", nil, "", 0, words("bash completion gatehouse"), nil},
		{"help has an example", "config --help", nil, "", 0, []string{"Examples:", "gatehouse config", "--gateway-listen", "--max-body"}, nil},
		{"an unknown command is wrong usage", "conifg", nil, "", 2, nil, []string{`unknown command "conifg": did you mean config?`, "gatehouse --help"}},
		{"an unknown flag is wrong usage", "config --colour=red", nil, "", 2, nil, []string{"unknown flag: --colour", "gatehouse config --help"}},
		{"an argument too many is wrong usage", "version 2", nil, "", 2, nil, []string{"2"}},
		{"a format of no kind is wrong usage", "version --output=xml", nil, "", 2, nil, []string{"use text or json"}},
		{"a bad value is wrong usage", "config --role=x", nil, "", 2, nil, []string{`gatehouse: --role: "x" is none of all, gateway, portal`}},
		{"a bad file is wrong usage, with its lines", "config", nil, "data: x\ngatway-listen: http://:1\nrole: x\n", 2, nil,
			[]string{`gatehouse: gatehouse.yaml:2: unknown setting "gatway-listen": did you mean "gateway-listen"?`, `gatehouse: gatehouse.yaml:3: role: "x" is none of`}},
		{"an unknown variable is wrong usage", "config", []string{"GATEHOUSE_ROL=all"}, "", 2, nil, []string{"GATEHOUSE_ROL: unknown setting: did you mean GATEHOUSE_ROLE?"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := command(t, binary, test.file, test.environ, words(test.args))
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			holds(t, "stdout", stdout.String(), test.stdout)
			holds(t, "stderr", stderr.String(), test.stderr)
			if strings.Contains(stdout.String()+stderr.String(), "canary") {
				t.Error("a secret shows")
			}
		})
	}
	t.Run("config as JSON is the same list", func(t *testing.T) {
		out, err := command(t, binary, "", nil, words("config --output=json")).Output()
		if err != nil {
			t.Fatal(err)
		}
		var settings []config.Setting
		if err := json.Unmarshal(out, &settings); err != nil || len(settings) != len(config.Default().Effective()) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// holds checks that a text has the parts in their order, and nothing when there are none.
func holds(t *testing.T, name, text string, parts []string) {
	t.Helper()
	if len(parts) == 0 && text != "" {
		t.Errorf("%s is not empty:\n%s", name, text)
	}
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%s lacks %q, or has it too early:\n%s", name, part, text)
			return
		}
		rest = after
	}
}
