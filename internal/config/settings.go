package config

import (
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
)

// setting is one row of the table: all that flags, environment, file, defaults and
// the list of what is in force need to know of it.
type setting struct {
	name    string
	help    string // one line for --help
	def     string // what the setting is when nobody says anything
	list    bool   // the file may write it as a list, flags may repeat it
	envOnly bool   // a secret that neither flags nor file should hold
	set     func(c *Config, text string) error
	show    func(text string) string
}

// settings returns the table, in the order in which people read it.
func settings() []setting {
	return []setting{
		{name: "gateway-listen", def: "https://:8243,http://:8280", list: true, show: plain,
			help: "where the Gateway and the Token API answer: https://HOST:PORT and http://HOST:PORT, port 0 picks a free one",
			set:  into(func(c *Config) *[]Listener { return &c.GatewayListen }, someListeners)},
		{name: "portal-listen", def: "https://:9443", list: true, show: plain,
			help: "where the web UI and the Management API answer",
			set:  into(func(c *Config) *[]Listener { return &c.PortalListen }, someListeners)},
		{name: "ops-listen", def: "http://127.0.0.1:9464", list: true, show: plain,
			help: "where /metrics, /healthz, /readyz and /debug/pprof/ answer, to everybody; or none",
			set:  into(func(c *Config) *[]Listener { return &c.OpsListen }, anyListeners)},
		{name: "gateway-url", show: plain,
			help: "what the world calls the gateway, and the issuer of tokens (default: from the first gateway-listen)",
			set:  into(func(c *Config) *string { return &c.GatewayURL }, parseBaseURL)},
		{name: "portal-url", show: plain,
			help: "what the world calls the portal (default: from the first portal-listen)",
			set:  into(func(c *Config) *string { return &c.PortalURL }, parseBaseURL)},
		{name: "trusted-proxies", def: "none", list: true, show: plain,
			help: "networks of the proxies whose X-Forwarded-* is believed: CIDRs, or none",
			set:  into(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }, parseNetworks)},
		{name: "data", def: "gatehouse-data", show: plain,
			help: "folder for the embedded database, keys and the self-signed certificate",
			set:  into(func(c *Config) *string { return &c.Data }, parsePath)},
		{name: "database", def: "sqlite", show: maskURL,
			help: "sqlite for a file in the data folder, or postgres://USER:PASSWORD@HOST:PORT/NAME",
			set:  into(func(c *Config) *string { return &c.Database }, parseDatabase)},
		{name: "redis", def: none, show: maskURL,
			help: "where all nodes count calls together: redis://, redis+cluster:// or redis+sentinel:// (rediss for TLS), or none",
			set:  into(func(c *Config) *string { return &c.Redis }, parseRedis)},
		{name: "backend-networks", def: "private", list: true, show: plain,
			help: "what backends may be: private (all but link-local, multicast and this server), public, or CIDRs",
			set:  into(func(c *Config) **gatehouse.Egress { return &c.BackendNetworks }, gatehouse.ParseEgress)},
		{name: "tls-cert", show: plain,
			help: "PEM file of the certificate and its chain (default: self-signed, made in the data folder)",
			set:  into(func(c *Config) *string { return &c.TLSCert }, anyText)},
		{name: "tls-key", show: plain,
			help: "PEM file of the certificate's key",
			set:  into(func(c *Config) *string { return &c.TLSKey }, anyText)},
		{name: "client-ca", show: plain,
			help: "PEM file of the authorities for applications' certificates (default: none, no tls_client_auth)",
			set:  into(func(c *Config) *string { return &c.ClientCA }, anyText)},
		{name: "role", def: string(RoleAll), show: plain,
			help: "the part of a cluster this process plays: all, gateway or portal",
			set:  into(func(c *Config) *Role { return &c.Role }, oneOf(RoleAll, RoleGateway, RolePortal))},
		{name: "admin-password-file", show: plain,
			help: "file with the password of the user admin whom the first start makes (default: made up and printed once)",
			set:  into(func(c *Config) *string { return &c.AdminPasswordFile }, anyText)},
		{name: "admin-password", envOnly: true, show: mask,
			help: "the same as a value, from GATEHOUSE_ADMIN_PASSWORD alone",
			set:  into(func(c *Config) *Secret { return &c.AdminPassword }, parseSecret)},
		{name: "log-level", def: "info", show: plain,
			help: "the least that is logged: debug, info, warn or error",
			set:  setLogLevel},
		{name: "log-format", def: "text", show: plain,
			help: "how the log is written: text or json",
			set:  into(func(c *Config) *string { return &c.LogFormat }, oneOf("text", "json"))},
		{name: "hash-workers", def: strconv.Itoa(max(1, min(runtime.GOMAXPROCS(0)-1, 1024))), show: plain,
			help: "how many passwords are hashed at once, 1 to 1024",
			set:  into(func(c *Config) *int { return &c.HashWorkers }, between(1, 1024))},
		{name: "hash-queue", def: "64", show: plain,
			help: "how many sign-ins may wait for that, 0 to 100000; more are told to try later",
			set:  into(func(c *Config) *int { return &c.HashQueue }, between(0, 100000))},
		{name: "key-rotation", def: "90d", show: plain,
			help: "how long a signing key signs before the next one does: 720h, 90d, or none for good",
			set:  into(func(c *Config) *time.Duration { return &c.KeyRotation }, parseRotation)},
		{name: "max-body", def: "10MiB", show: plain,
			help: "how large the body of a call through the gateway may be: 512KiB, 10MiB, 1GiB or bytes",
			set:  into(func(c *Config) *int64 { return &c.MaxBody }, ParseSize)},
		{name: "max-backend-timeout", def: "2m", show: plain,
			help: "how long a publisher may let a backend take for its answer: 1s to 1h",
			set:  into(func(c *Config) *time.Duration { return &c.MaxBackendTimeout }, parseWait)},
		{name: "max-connections", def: strconv.Itoa(defaultConnections()), show: plain,
			help: "how many connections each address holds at once, 16 to 1000000; more are refused",
			set:  into(func(c *Config) *int { return &c.MaxConnections }, between(16, 1000000))},
		{name: "drain", def: "5s", show: plain,
			help: "how long a process that ends goes on answering after /readyz has failed, 0s to 5m",
			set:  into(func(c *Config) *time.Duration { return &c.Drain }, parseDrain)},
		{name: "engine", def: string(EngineOwn), show: plain,
			help: "what speaks HTTP/1.1 at the gateway: own, or nethttp for Go's standard library",
			set:  into(func(c *Config) *Engine { return &c.Engine }, oneOf(EngineOwn, EngineNetHTTP))},
	}
}

// defaultConnections leaves file descriptors to the other addresses and to backends. Go
// has raised the soft limit to the hard one when the program started.
func defaultConnections() int {
	const most = 20000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return most
	}
	return int(max(16, min(files.Cur/4, most)))
}

// into makes the set of a row: the text is parsed and put where the field is.
func into[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(c *Config, text string) error {
		v, err := parse(text)
		if err != nil {
			return err
		}
		*field(c) = v
		return nil
	}
}

// given is one value as somebody wrote it.
type given struct {
	setting setting
	text    string
	origin  string   // OriginDefault, "--data", "GATEHOUSE_DATA" or "gatehouse.yaml:3"
	items   []string // of a list in the file, with the place of each
	places  []string
}

// problem describes a refused value by the place where it stands.
func (g given) problem(err error) string {
	for i, item := range g.items {
		var scratch Config
		if itemErr := g.setting.set(&scratch, item); itemErr != nil {
			return g.places[i] + ": " + g.setting.name + ": " + message(itemErr)
		}
	}
	if g.origin == flagOf(g.setting.name) || g.origin == variableOf(g.setting.name) {
		return g.origin + ": " + message(err)
	}
	return g.origin + ": " + g.setting.name + ": " + message(err)
}

// message keeps every problem on one line.
func message(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }

func defaults() []given {
	var values []given
	for _, s := range settings() {
		values = append(values, given{setting: s, text: s.def, origin: OriginDefault})
	}
	return values
}

func settingNamed(name string) (setting, bool) {
	for _, s := range settings() {
		if s.name == name {
			return s, true
		}
	}
	return setting{}, false
}
