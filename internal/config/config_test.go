package config_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
)

// load runs Load as a command would: with flags, an environment and, unless file is
// empty, a gatehouse.yaml.
func load(t testing.TB, args, environ []string, file string) (config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, "gatehouse.yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config.Load(flags, environ, dir)
}

func effective(c config.Config, name string) config.Setting {
	for _, s := range c.Effective() {
		if s.Name == name {
			return s
		}
	}
	return config.Setting{}
}

func TestPrecedence(t *testing.T) {
	for _, test := range []struct {
		name          string
		args, environ []string
		file          string
		want          config.Setting
	}{
		{"a default is in force when nobody says anything", nil, nil, "",
			config.Setting{Name: "data", Value: "gatehouse-data", Origin: "default"}},
		{"the file wins over the default", nil, nil, "# comment\ndata: from-file\n",
			config.Setting{Name: "data", Value: "from-file", Origin: "gatehouse.yaml:2"}},
		{"the environment wins over the file", nil, []string{"GATEHOUSE_DATA=from-env"}, "data: from-file",
			config.Setting{Name: "data", Value: "from-env", Origin: "GATEHOUSE_DATA"}},
		{"a flag wins over the environment", []string{"--data", "from-flag"}, []string{"GATEHOUSE_DATA=from-env"}, "data: from-file",
			config.Setting{Name: "data", Value: "from-flag", Origin: "--data"}},
		{"a flag wins though it repeats the default", []string{"--data", "gatehouse-data"}, []string{"GATEHOUSE_DATA=from-env"}, "",
			config.Setting{Name: "data", Value: "gatehouse-data", Origin: "--data"}},
		{"an empty variable counts as not set", nil, []string{"GATEHOUSE_DATA="}, "data: from-file",
			config.Setting{Name: "data", Value: "from-file", Origin: "gatehouse.yaml:1"}},
		{"a list in the file is one setting", nil, nil, "portal-listen:\n  - https://:1\n  - http://:2\n",
			config.Setting{Name: "portal-listen", Value: "https://:1,http://:2", Origin: "gatehouse.yaml:1"}},
		{"a list in one line is the same", nil, nil, "portal-listen: https://:1,http://:2\n",
			config.Setting{Name: "portal-listen", Value: "https://:1,http://:2", Origin: "gatehouse.yaml:1"}},
		{"a list flag given twice grows", []string{"--portal-listen=https://:1", "--portal-listen=http://:2"}, nil, "",
			config.Setting{Name: "portal-listen", Value: "https://:1,http://:2", Origin: "--portal-listen"}},
		{"a plain flag given twice is the last", []string{"--data=a", "--data=b"}, nil, "",
			config.Setting{Name: "data", Value: "b", Origin: "--data"}},
		{"numbers in the file need no quotes", nil, nil, "hash-queue: 7",
			config.Setting{Name: "hash-queue", Value: "7", Origin: "gatehouse.yaml:1"}},
		{"a file of comments says nothing", nil, nil, "# data: x\n",
			config.Setting{Name: "data", Value: "gatehouse-data", Origin: "default"}},
		{"the variables of Kubernetes for a service named gatehouse are not ours", nil,
			[]string{"GATEHOUSE_PORT=tcp://10.0.0.1:8243", "GATEHOUSE_SERVICE_HOST=10.0.0.1", "GATEHOUSE_SERVICE_PORT_HTTPS=8243",
				"GATEHOUSE_PORT_8243_TCP_ADDR=10.0.0.1", "GATEHOUSE_PORTAL_PORT=tcp://10.0.0.1:9443", "GATEHOUSE_TEST_DATABASE=x"}, "",
			config.Setting{Name: "data", Value: "gatehouse-data", Origin: "default"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(t, test.args, test.environ, test.file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, effective(c, test.want.Name)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name          string
		args, environ []string
		file          string
		want          string // part of the message
	}{
		{"an unknown key names its line and the near one", nil, nil, "data: x\n\ngatway-listen: http://:1\n",
			`gatehouse.yaml:3: unknown setting "gatway-listen": did you mean "gateway-listen"?`},
		{"an unknown key that is near to nothing", nil, nil, "colour: red", `gatehouse.yaml:1: unknown setting "colour"`},
		{"a Redis of no kind", []string{"--redis=localhost:6379"}, nil, "", "--redis: not a Redis: use redis://HOST:PORT"},
		{"a Redis with a mode that is none", []string{"--redis=redis+ring://localhost"}, nil, "", "--redis: not a Redis"},
		{"an unknown variable", nil, []string{"GATEHOUSE_GATWAY_LISTEN=http://:1"}, "",
			"GATEHOUSE_GATWAY_LISTEN: unknown setting: did you mean GATEHOUSE_GATEWAY_LISTEN?"},
		{"a port variable that Kubernetes did not set", nil, []string{"GATEHOUSE_PORT=8243"}, "", "GATEHOUSE_PORT: unknown setting"},
		{"a key twice", nil, nil, "data: a\nrole: all\ndata: b\n", "gatehouse.yaml:3: data is set a second time, first in line 1"},
		{"a bad value in the file", nil, nil, "role: gatekeeper", `gatehouse.yaml:1: role: "gatekeeper" is none of all, gateway, portal`},
		{"a bad value in the environment", nil, []string{"GATEHOUSE_ROLE=x"}, "", `GATEHOUSE_ROLE: "x" is none of all, gateway, portal`},
		{"a bad value of a flag", []string{"--role=x"}, nil, "", `--role: "x" is none of all, gateway, portal`},
		{"a bad value that a flag would hide", []string{"--role=all"}, nil, "role: x", `gatehouse.yaml:1: role: "x" is none`},
		{"a bad item names its own line", nil, nil, "portal-listen:\n  - https://:1\n  - ftp://:2\n",
			`gatehouse.yaml:3: portal-listen: "ftp://:2" is no address to listen on: use https://HOST:PORT`},
		{"a key without a value", nil, nil, "data:\n", "gatehouse.yaml:1: data: there is no value"},
		{"a list where one value belongs", nil, nil, "data: [a, b]", "gatehouse.yaml:1: data: write one plain value"},
		{"a mapping where a list belongs", nil, nil, "ops-listen: {a: b}", "gatehouse.yaml:1: ops-listen: write one value, or a list"},
		{"a mapping in a list", nil, nil, "ops-listen: [{a: b}]", "gatehouse.yaml:1: ops-listen: a list holds plain values alone"},
		{"an alias", nil, nil, "data: &a x\ntls-key: *a\n", "gatehouse.yaml:2: tls-key: write one plain value"},
		{"a file that is a list", nil, nil, "- data", `gatehouse.yaml:1: write settings as lines`},
		{"a second document", nil, nil, "data: x\n---\ndata: y\n", "a second document begins here"},
		{"no YAML", nil, nil, "data: x\n\t: y\n", "gatehouse.yaml:2: this is no YAML"},
		{"a file that is too large", nil, nil, strings.Repeat("# comment\n", 110_000), "gatehouse.yaml: larger than 1048576 bytes"},
		{"a chosen file that is not there", []string{"--config=other.yaml"}, nil, "", "other.yaml: no such file"},
		{"the password of the admin in the file", nil, nil, "admin-password: x", "gatehouse.yaml:1: admin-password does not belong in a file"},
		{"two passwords of the admin", []string{"--admin-password-file=x"}, []string{"GATEHOUSE_ADMIN_PASSWORD=y"}, "", "set one of them"},
		{"a certificate without its key", []string{"--tls-cert=x"}, nil, "", "tls-cert and tls-key belong together"},
		{"no listener for the gateway", []string{"--gateway-listen="}, nil, "", "--gateway-listen: name at least one address"},
		{"an empty data folder", []string{"--data="}, nil, "", "--data: name a folder"},
		{"a base URL with a path", []string{"--gateway-url=https://a/b"}, nil, "", "--gateway-url: not a base URL"},
		{"a base URL with a port beyond the last", []string{"--gateway-url=https://a:70000"}, nil, "", "--gateway-url: not a base URL"},
		{"a base URL with a name that no certificate holds", []string{"--gateway-url=https://bücher.example"}, nil, "", "--gateway-url: not a base URL"},
		{"a base URL with an empty label", []string{"--gateway-url=https://a..b"}, nil, "", "--gateway-url: not a base URL"},
		{"a base URL without a scheme", []string{"--portal-url=example.com"}, nil, "", "--portal-url: not a base URL"},
		{"an unknown database", []string{"--database=mysql://x"}, nil, "", "--database: not a database: use sqlite or postgres://"},
		{"a proxy that is no network", []string{"--trusted-proxies=10.0.0.1"}, nil, "", `--trusted-proxies: "10.0.0.1" is no network`},
		{"backend networks of no kind", []string{"--backend-networks=some"}, nil, "", "use private, public or CIDRs"},
		{"a log level of no kind", []string{"--log-level=loud"}, nil, "", `--log-level: "loud" is none of debug, info, warn, error`},
		{"a log format of no kind", []string{"--log-format=xml"}, nil, "", `--log-format: "xml" is none of text, json`},
		{"no hash worker", []string{"--hash-workers=0"}, nil, "", `--hash-workers: "0" is no number from 1 to 1024`},
		{"a queue below nothing", []string{"--hash-queue=-1"}, nil, "", `--hash-queue: "-1" is no number from 0 to 100000`},
		{"a wait for ever", []string{"--max-backend-timeout=0s"}, nil, "", `--max-backend-timeout: "0s" is no time from 1s to 1h: use a number with s, m or h`},
		{"a body of no size", []string{"--max-body=10MB"}, nil, "", `--max-body: "10MB" is no size: use bytes, or KiB, MiB or GiB`},
		{"no connections", []string{"--max-connections=0"}, nil, "", `--max-connections: "0" is no number from 16 to 1000000`},
		{"a drain without a unit", []string{"--drain=5"}, nil, "", `--drain: "5" is no time from 0s to 5m: use a number with ms, s or m`},
		{"a drain that is too long", []string{"--drain=1h"}, nil, "", `--drain: "1h" is no time from 0s to 5m`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, test.args, test.environ, test.file)
			if err == nil {
				t.Fatal("was taken")
			}
			if gatehouse.KindOf(err) != gatehouse.Invalid {
				t.Errorf("kind %v, want Invalid", gatehouse.KindOf(err))
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestEveryProblemIsNamedAtOnce(t *testing.T) {
	_, err := load(t, []string{"--hash-queue=x"}, []string{"GATEHOUSE_COLOUR=red"}, "role: x\nshape: round\n")
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("want four lines, got:\n%v", err)
	}
}

func TestValuesArriveInTheirFields(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "chosen.yaml")
	text := "trusted-proxies: [10.1.2.3/8, 192.168.7.0/24]\nops-listen: none\nlog-level: warn\nmax-body: 64KiB\ndrain: 1500ms\nmax-connections: 100\ngateway-url: https://API.example.com/\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(nil, []string{"GATEHOUSE_CONFIG=" + file, "GATEHOUSE_ROLE=portal", "GATEHOUSE_ADMIN_PASSWORD=canary"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.7.0/24")}
	for _, field := range []struct{ got, want any }{
		{c.TrustedProxies, networks},
		{c.OpsListen, []config.Listener(nil)},
		{c.PortalListen, []config.Listener{{TLS: true, Addr: ":9443"}}},
		{c.LogLevel, slog.LevelWarn},
		{c.MaxBody, int64(64 << 10)},
		{c.Drain, 1500 * time.Millisecond},
		{c.MaxConnections, 100},
		{c.GatewayURL, "https://api.example.com"},
		{c.Role.Portal(), true},
		{c.Role.Gateway(), false},
		{c.HashQueue, 64},
	} {
		if !reflect.DeepEqual(field.got, field.want) {
			t.Errorf("got %v, want %v", field.got, field.want)
		}
	}
	if string(c.AdminPassword) != "canary" {
		t.Error("the password of the admin is another")
	}
}

// Check 156: no secret reaches what operators print or log.
func TestSecretsAreMasked(t *testing.T) {
	for _, database := range []string{
		"postgres://user:canary@host:5432/db", "postgres://user:c@n/ary?canary@host/db", "postgres://me@there:canary@host/db",
		"postgres://host/db?user=u&password=canary&x=y", "postgresql://:canary@host", "postgres://host/db?sslpassword=canary",
	} {
		c, err := load(t, []string{"--database=" + database}, []string{"GATEHOUSE_ADMIN_PASSWORD=canary"}, "")
		if err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprintf("%v %v %+v %#v", c.Effective(), c.AdminPassword, c.AdminPassword, c.AdminPassword)
		if strings.Contains(shown, "canary") {
			t.Errorf("%s shows in %s", database, shown)
		}
		if effective(c, "admin-password").Value == "" {
			t.Error("a password that is set does not show as set")
		}
	}
	_, err := load(t, []string{"--database=postgress://user:canary@host"}, nil, "")
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error repeats the password: %v", err)
	}
}

func TestEveryFieldIsASetting(t *testing.T) {
	settings := map[string]bool{}
	for _, s := range config.Default().Effective() {
		settings[strings.ReplaceAll(s.Name, "-", "")] = true
	}
	fields := 0
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		if !field.IsExported() {
			continue
		}
		fields++
		if !settings[strings.ToLower(field.Name)] {
			t.Errorf("%s has no setting of its name", field.Name)
		}
	}
	if len(settings) != fields {
		t.Errorf("%d settings for %d fields", len(settings), fields)
	}
}

func TestAddFlagsOfSomeSettings(t *testing.T) {
	flags := pflag.NewFlagSet("org", pflag.ContinueOnError)
	config.AddFlags(flags, "data", "database")
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if diff := cmp.Diff([]string{"data", "database", "config"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestACommandsOwnFlagMayHaveTheNameOfASetting(t *testing.T) {
	flags := pflag.NewFlagSet("user", pflag.ContinueOnError)
	config.AddFlags(flags, "data")
	flags.String("role", "", "role of the user")
	if err := flags.Parse([]string{"--role=editor", "--data=x"}); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(flags, nil, t.TempDir())
	if err != nil || c.Role != config.RoleAll || c.Origin("data") != "--data" || c.Origin("role") != config.OriginDefault {
		t.Errorf("role %q, data from %s, %v", c.Role, c.Origin("data"), err)
	}
}
