package e2e

import (
	"bytes"
	"database/sql"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// Checks 155 and 156: after a walk through everything that handles secrets, clumsy
// clients among it, none of them stands in the database, its WAL, the log or the metrics.
func TestSecretsStandNowhere(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		h := furnish(t, "GATEHOUSE_LOG_LEVEL=debug")
		canaries := h.useSecrets(t)
		while := readAll(t, h.Data)
		for _, name := range []string{"gatehouse.db", "gatehouse.db-wal"} {
			if len(while[name]) == 0 {
				t.Errorf("there is no %s: this test looks for nothing", name)
			}
		}
		h.lookFor(t, canaries, while)
		if code := h.Stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		h.lookFor(t, canaries, readAll(t, filepath.Dir(h.Log)))
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := gatehousetest.Postgres(t)
		h := furnish(t, "GATEHOUSE_LOG_LEVEL=debug", "GATEHOUSE_LOG_FORMAT=json", "GATEHOUSE_DATABASE="+dsn)
		canaries := h.useSecrets(t)
		h.lookFor(t, canaries, readAll(t, filepath.Dir(h.Log)))
		h.lookFor(t, canaries, rows(t, dsn))
	})
}

// useSecrets uses secrets in every way, right and wrong, and returns them by name.
func (h *house) useSecrets(t *testing.T) map[string]string {
	t.Helper()
	pair := h.token(t, john, "read update")
	h.call(t, "GET", orgnews+"/articles/1", pair.Access)
	next := h.post(t, "/token", h.app, refreshForm(pair.Refresh)).tokens(t)
	h.post(t, "/introspect", h.app, revokeForm(next.Access))
	h.post(t, "/token", h.app, passwordForm(person{john.name, john.org, "Wrong-canary-password"}, ""))
	h.post(t, "/token?"+passwordForm(tom, ""), h.app, "") // where a URL is logged, so is this
	h.post(t, "/token", application{key: h.app.key, secret: h.app.secret + "x"}, passwordForm(tom, ""))
	h.call(t, "GET", orgnews+"/articles?access_token="+next.Access, "")
	h.call(t, "GET", orgnews+"/articles?access_token="+next.Access, pair.Access+"x")
	h.call(t, "GET", "/"+next.Access, "") // a token for a path
	for _, path := range []string{"/login?password=" + url.QueryEscape(tom.password), "/oauth2/token?token=" + next.Refresh, "/?code=" + next.Access} {
		h.send(t, request(t, http.MethodGet, h.Portal+path, ""))
	}
	h.signInAtBackends(t)
	h.post(t, "/revoke", h.app, revokeForm(next.Refresh))
	h.post(t, "/token", h.app, refreshForm(pair.Refresh)) // used before: an event that is logged
	return map[string]string{
		"John's password": john.password, "John's password in a form": url.QueryEscape(john.password), "Tom's password": tom.password, "a wrong password": "Wrong-canary-password",
		"the admin's password": "correct horse battery", "the consumer secret": h.app.secret,
		"an access token": pair.Access, "an access token's signature": signature(pair.Access), "the next access token's signature": signature(next.Access),
		"a backend's password": "backend-canary-password", "the Basic header for a backend": basicCanary, "a backend's key": "backend-canary-key", "a backend's client secret": "backend-canary-secret", "a backend's token": "backend-canary-token",
		"a refresh token": pair.Refresh, "the next refresh token": next.Refresh, "a manager's token": signature(h.managers[john]),
	}
}

func signature(jwt string) string { return jwt[strings.LastIndexByte(jwt, '.')+1:] }

// lookFor looks for secrets in files and in the metrics.
func (h *house) lookFor(t *testing.T, canaries map[string]string, files map[string][]byte) {
	t.Helper()
	if res, err := http.Get(h.Ops + "/metrics"); err == nil {
		var metrics bytes.Buffer
		if _, err := metrics.ReadFrom(res.Body); err != nil || metrics.Len() == 0 {
			t.Errorf("metrics: %d bytes, %v", metrics.Len(), err)
		}
		res.Body.Close()
		files["/metrics"] = metrics.Bytes()
	}
	for secret, text := range canaries {
		for name, content := range files {
			if at := bytes.Index(content, []byte(text)); at >= 0 {
				t.Errorf("%s stands in %s: …%q…", secret, name, content[max(0, at-120):min(len(content), at+20)])
			}
		}
	}
}

// readAll reads every file below a folder.
func readAll(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// rows reads every row of a PostgreSQL database, by table.
func rows(t *testing.T, dsn string) map[string][]byte {
	t.Helper()
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	list := func(query string) []string {
		found, err := pool.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer found.Close()
		var all []string
		for found.Next() {
			var text string
			if err := found.Scan(&text); err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	tables, held := map[string][]byte{}, 0
	for _, table := range list("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'") {
		all := list("SELECT t::text FROM " + table + " t")
		held += len(all)
		tables["table "+table] = []byte(strings.Join(all, "\n"))
	}
	if held == 0 {
		t.Error("the database is empty: this test looks for nothing")
	}
	return tables
}
