package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
)

// asProgram makes this test binary be the program, so that what runs is what was
// tested, race detector and all.
const asProgram = "GATEHOUSE_TEST_AS_PROGRAM=1"

func TestMain(m *testing.M) {
	if slices.Contains(os.Environ(), asProgram) || len(os.Args) > 1 && os.Args[1] == hashWorker {
		main()
		return
	}
	os.Exit(m.Run())
}

// command is the program in a folder, with an environment of its own.
func command(t *testing.T, dir string, environ []string, args string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, words(args)...)
	cmd.Dir = dir
	cmd.Env = append([]string{asProgram, "GATEHOUSE_DRAIN=0s", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}, environ...)
	return cmd
}

func words(line string) []string { return strings.Fields(line) }

func TestCommandLine(t *testing.T) {
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
			dir := t.TempDir()
			if test.file != "" {
				if err := os.WriteFile(filepath.Join(dir, "gatehouse.yaml"), []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			stdout, stderr, code := run(t, command(t, dir, test.environ, test.args))
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			holds(t, "stdout", stdout, test.stdout)
			holds(t, "stderr", stderr, test.stderr)
			if strings.Contains(stdout+stderr, "canary") {
				t.Error("a secret shows")
			}
		})
	}
	t.Run("config as JSON is the same list", func(t *testing.T) {
		out, err := command(t, t.TempDir(), nil, "config --output=json").Output()
		if err != nil {
			t.Fatal(err)
		}
		var settings []config.Setting
		if err := json.Unmarshal(out, &settings); err != nil || len(settings) != len(config.Default().Effective()) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// run runs the program to its end and returns what it printed.
func run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
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
