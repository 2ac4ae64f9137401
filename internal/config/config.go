// Package config holds the settings of one process: what an operator may choose,
// where each choice came from, and why one was refused.
//
//	config.go     Config, whose field comments are the manual, and Load
//	settings.go   the one table that flags, environment, file and defaults are read with
//	sources.go    the environment and the flags
//	file.go       gatehouse.yaml
//	listener.go   addresses to listen on
//	values.go     the other kinds of value
//	effective.go  what is in force, with secrets masked
//
// It opens nothing but the settings file: databases, certificates and listeners are
// opened by whoever is handed a Config.
package config

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gatehouse/gatehouse"
)

// Config is the settings of one process. Every field is a setting: GatewayListen is
// the flag --gateway-listen, the environment variable GATEHOUSE_GATEWAY_LISTEN and
// the line gateway-listen of gatehouse.yaml. A flag wins over the environment, the
// environment over the file, the file over the default.
type Config struct {
	// GatewayListen is where the Gateway and the Token API answer: a list of
	// https://HOST:PORT and http://HOST:PORT, separated by commas. An empty host means
	// every address of the machine, port 0 picks a free port. The first one is the
	// gateway's own address when GatewayURL does not say otherwise.
	// Default https://:8243,http://:8280.
	GatewayListen []Listener

	// PortalListen is where the web UI, the Management API and the Token API under
	// /oauth2/ answer. Default https://:9443.
	PortalListen []Listener

	// OpsListen is where /metrics, /healthz, /readyz and /debug/pprof/ answer, without
	// asking who calls: keep it on an address that only operators reach. "none" turns
	// it off. Default http://127.0.0.1:9464.
	OpsListen []Listener

	// GatewayURL is what the world calls the gateway: the issuer of tokens and the
	// host of every link to it. A scheme and a host, without a path. Empty, the
	// default, takes the first address of GatewayListen.
	GatewayURL string

	// PortalURL is what the world calls the portal: links in pages and letters, and
	// redirects after signing in. Empty, the default, takes the first of PortalListen.
	PortalURL string

	// TrustedProxies are the networks of the proxies in front of this server, as CIDRs
	// separated by commas. X-Forwarded-* is believed from them alone.
	// Default none.
	TrustedProxies []netip.Prefix

	// Data is the folder for the embedded database, keys and the self-signed
	// certificate. It is made when it is not there. Default gatehouse-data.
	Data string

	// Database is "sqlite", the default, for a file in Data, or the postgres:// URL of
	// any PostgreSQL-compatible engine. It may hold a password: print it through
	// Effective alone.
	Database string

	// Redis is the Redis or Valkey in which all nodes of a cluster count calls together, so
	// that limits hold for all of them and not for each: redis://USER:PASSWORD@HOST:PORT/DB,
	// redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/MASTER, with
	// rediss for TLS. A node whose Redis does not answer counts for itself. It may hold a
	// password: print it through Effective alone. Default none.
	Redis string

	// BackendNetworks is what backends, imports by URL and other outbound calls may
	// reach, checked on the address that is dialled: "private" allows everything but
	// link-local and multicast addresses and this server's own; "public" allows public
	// addresses only, for hosting strangers; or a list of CIDRs. The server adds its
	// own addresses to the rule when it knows them. Default private.
	BackendNetworks *gatehouse.Egress

	// TLSCert and TLSKey are the PEM files of the certificate and its key. Both or
	// neither: without them a self-signed certificate is made in Data and kept.
	TLSCert string
	TLSKey  string

	// ClientCA is a PEM file of the authorities that vouch for the certificates by which
	// applications prove who they are (tls_client_auth of RFC 8705). Empty, the default,
	// turns that way off; certificates that applications register themselves need none.
	ClientCA string

	// Role is the part of a cluster that this process plays: "all", "gateway" or
	// "portal". Default all.
	Role Role

	// AdminPasswordFile is a file whose first line is the password of the user admin
	// whom the first start makes. Without it and without AdminPassword one is made up
	// and printed once.
	AdminPasswordFile string

	// AdminPassword is the same as a value, from the environment variable
	// GATEHOUSE_ADMIN_PASSWORD alone: flags are seen by every user of the machine.
	AdminPassword Secret

	// LogLevel is the least that is logged: debug, info, warn or error. At debug every
	// call through the gateway is a line. Default info.
	LogLevel slog.Level

	// LogFormat is how lines of the log are written: "text" or "json". Default text.
	LogFormat string

	// HashWorkers is how many passwords are hashed at once, 1 to 1024; each takes a
	// core and 19 MiB for about 20 ms. Default one less than the number of CPUs, and at
	// least 1: a core is left to calls while sign-ins flood in.
	HashWorkers int

	// HashQueue is how many sign-ins may wait for a worker, 0 to 100000; more are told
	// to try again later. Default 64.
	HashQueue int

	// KeyRotation is how long a signing key signs before the next one does: a number
	// with h for hours or d for days, 1h to 3650d, or "none" for good. The next key is
	// published a day before, or half the time when that is less. Default 90d.
	KeyRotation time.Duration

	// MaxBody is how large the body of a call through the gateway may be, as bytes or
	// with a unit: 512KiB, 10MiB, 1GiB. Default 10MiB.
	MaxBody int64

	// MaxBackendTimeout is how long a publisher may let a backend take from the request to
	// the header of its answer: a number with s, m or h, 1s to 1h. Default 2m.
	MaxBackendTimeout time.Duration

	// MaxConnections is how many connections each address holds at once, 16 to
	// 1000000; more are refused at once, with 503 or, over TLS, an alert. Default 20000,
	// which take up to 1 GiB when all are over TLS, or a quarter of the file descriptors
	// that the process may have, when that is less: two quarters are the gateway's two
	// addresses, one is connections to backends, one everything else.
	MaxConnections int

	// Drain is how long a process that was asked to end goes on answering while /readyz
	// says that it is not ready, 0s to 5m: as long as the load balancer needs to see
	// that. Answers end their connections meanwhile. Default 5s; 20 seconds for requests
	// that still run may follow.
	Drain time.Duration

	// Engine is what speaks HTTP/1.1 on the gateway's listeners and with backends over plain
	// HTTP: "own", or "nethttp" for Go's standard library, which speaks everything else in
	// either case. Default own.
	Engine Engine

	effective []Setting
}

// Engine is what speaks HTTP/1.1.
type Engine string

// The engines.
const (
	EngineOwn     Engine = "own"
	EngineNetHTTP Engine = "nethttp"
)

// Role is the part of a cluster that a process plays.
type Role string

// The roles.
const (
	RoleAll     Role = "all"
	RoleGateway Role = "gateway"
	RolePortal  Role = "portal"
)

// Gateway reports whether the process serves the Gateway.
func (r Role) Gateway() bool { return r == RoleAll || r == RoleGateway }

// Portal reports whether the process serves the portal.
func (r Role) Portal() bool { return r == RoleAll || r == RolePortal }

// Secret is a value that no log and no print shows; string(s) reads it.
type Secret string

// String hides the value.
func (Secret) String() string { return masked }

// GoString hides the value from %#v.
func (Secret) GoString() string { return masked }

// LogValue hides the value from logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

const masked = "[redacted]"

// Default returns the settings of a process that nobody told anything.
func Default() Config {
	c, problems := assemble(defaults())
	if len(problems) > 0 {
		panic(problems[0]) // a default that its own setting refuses is a bug
	}
	return c
}

// Load reads the settings of a process: flags are those that AddFlags made, or nil;
// environ is in the form of os.Environ; dir is where gatehouse.yaml may lie. The
// error is Invalid and names everything that is wrong, one problem a line.
func Load(flags *pflag.FlagSet, environ []string, dir string) (Config, error) {
	fromEnvironment, problems := readEnvironment(environ)
	fromFlags := readFlags(flags)
	fromFile, more := readFile(chosenFile(fromFlags, environ), dir)
	problems = append(problems, more...)

	layers := append(defaults(), fromFile...)
	layers = append(append(layers, fromEnvironment...), fromFlags...)
	c, more := assemble(layers)
	problems = append(problems, more...)
	if len(problems) == 0 {
		problems = c.contradictions()
	}
	if len(problems) > 0 {
		return Config{}, gatehouse.Errorf(gatehouse.Invalid, "%s", strings.Join(problems, "\n"))
	}
	return c, nil
}

// assemble sets what the given values say; of two for one setting the later wins. A
// bad value is a problem even when a later one would hide it.
func assemble(values []given) (Config, []string) {
	var c Config
	var problems []string
	rows := map[string]Setting{}
	for _, v := range values {
		if err := v.setting.set(&c, v.text); err != nil {
			problems = append(problems, v.problem(err))
			continue
		}
		rows[v.setting.name] = Setting{Name: v.setting.name, Value: v.setting.show(v.text), Origin: v.origin}
	}
	for _, s := range settings() {
		c.effective = append(c.effective, rows[s.name])
	}
	return c, problems
}

// contradictions lists settings that are right alone and wrong together.
func (c Config) contradictions() []string {
	var problems []string
	if (c.TLSCert == "") != (c.TLSKey == "") {
		problems = append(problems, "tls-cert and tls-key belong together: set both, or neither for a self-signed certificate")
	}
	if c.AdminPasswordFile != "" && c.AdminPassword != "" {
		problems = append(problems, "admin-password-file and GATEHOUSE_ADMIN_PASSWORD are two ways to say one thing: set one of them")
	}
	return problems
}
