package main

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check 152: people come from a WSO2 user store with the passwords that they have.
func TestImportPeople(t *testing.T) {
	dir := t.TempDir()
	salt := base64.StdEncoding.EncodeToString([]byte("sixteen bytes..."))
	sum := sha256.Sum256([]byte("their own words" + salt))
	digest := base64.StdEncoding.EncodeToString(sum[:])
	write := func(name, text string) string {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		return name
	}
	csvFile := write("people.csv", "username,hash,salt,roles,name\njohn@johns.org,"+digest+","+salt+",subscriber reader,\"Doe, John\"\n")
	jsonFile := write("people.json", `[{"username":"jane","hash":"$wso2-sha256$`+salt+`$`+digest+`","roles":"publisher"},{"username":"john@johns.org","hash":"`+digest+`","salt":"`+salt+`"}]`)

	for _, step := range []struct {
		args   string
		code   int
		stdout []string
		stderr []string
	}{
		{"org create acme", 0, words("acme"), nil},
		{"user import " + csvFile + " --org acme", 0, nil, []string{"imported 1, left 0 alone"}},
		{"user import " + jsonFile + " --org acme", 0, nil, []string{"imported 1, left 1 alone"}},
		{"user list --org acme", 0, words("jane acme publisher john@johns.org Doe, John acme reader,subscriber"), nil},
		{"user import " + write("x.txt", ""), 1, nil, []string{"*.csv or *.json"}},
		{"user import " + write("wrong.csv", "username,password\njohn,x\n"), 1, nil, []string{`there is no column "password": use username, hash`}},
		{"user import " + write("plain.csv", "username,hash\neve,canary\n") + " --org acme", 1, nil, []string{"imported 0", "line 2: the password hash is of no known kind"}},
		{"user import " + write("plain.json", `[{"username":"eve","hash":"$6$rounds=999999999$canary$canary"}]`) + " --org acme", 1, nil, []string{"imported 0", "entry 1: the password hash asks for more work"}},
		{"user import nowhere.csv", 1, nil, []string{"nowhere.csv"}},
	} {
		stdout, stderr, code := run(t, command(t, dir, nil, step.args))
		if code != step.code {
			t.Errorf("%s: exit code %d, want %d\n%s", step.args, code, step.code, stderr)
		}
		holds(t, step.args+": stdout", stdout, step.stdout)
		holds(t, step.args+": stderr", stderr, step.stderr)
		if strings.Contains(stdout+stderr, "canary") {
			t.Errorf("%s shows a hash", step.args)
		}
	}
}

// check 85: the operator's commands, on a store whose server does not run.
func TestKeysCommands(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		args   string
		code   int
		stdout []string
		stderr []string
	}{
		{"keys list", 0, words("KEY ALGORITHM STATE"), nil},
		{"keys list --output json", 0, words("[]"), nil},
		{"keys rotate --ahead 1s", 1, nil, []string{"2s or more"}},
		{"keys revoke nothing", 1, nil, []string{"there is no signing key nothing"}},
		{"keys revoke", 2, nil, words("accepts --help")},
	} {
		stdout, stderr, code := run(t, command(t, dir, nil, step.args))
		if code != step.code {
			t.Errorf("%s: exit code %d, want %d\n%s", step.args, code, step.code, stderr)
		}
		holds(t, step.args+": stdout", stdout, step.stdout)
		holds(t, step.args+": stderr", stderr, step.stderr)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzReadPeople(f *testing.F) {
	f.Add("username,hash\njohn,$2b$10$x\n")
	f.Add(`[{"username":"john","hash":"x"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func(string) ([]importedUser, error){
			func(s string) ([]importedUser, error) { return readPeopleCSV(strings.NewReader(s), "default") },
			func(s string) ([]importedUser, error) { return readPeopleJSON(strings.NewReader(s), "default") },
		} {
			people, err := read(text)
			for _, u := range people {
				if err != nil || u.OrgKey == "" || u.place == "" {
					t.Errorf("%+v, %v", u, err)
				}
			}
		}
	})
}
