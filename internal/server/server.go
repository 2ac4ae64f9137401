// Package server puts Gatehouse together: the one place that knows every package. Read
// New to see what hangs on what.
//
//	server.go        one node: entry points around the services, from start to stop
//	services.go      the services on an open store, and what keeps this node's copies true
//	listen.go certificate.go   addresses, TLS, limits of connections, the end of them
//	pace.go connections.go     clients that are slow, and connections that are too many
//	hashchild.go hashwire.go hashworker.go   passwords, hashed in a child process
//	masterkey.go backends.go   the key that is not in the database; what seals the secrets for backends, and which ones may be
//	proofs.go outbound.go   what clients and callers prove themselves against; calls to strangers' addresses
//	people.go        who signed in at the gateway a moment ago
//	calls.go usage.go    why calls were answered as they were, how often APIs were called
//	uses.go          when consumer secrets and API keys were used, and how often grant types
//	demo.go demobackend.go     the main job in one go
//
// It owns no rule and answers no request itself.
package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/cluster"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/login"
	"github.com/gatehouse/gatehouse/internal/observe"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/rest"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
	"github.com/gatehouse/gatehouse/internal/web"
)

// Server is one node.
type Server struct {
	*Services

	// GatewayURL and PortalURL are what the world calls this server.
	GatewayURL, PortalURL string
	// FirstPassword is the password of the user admin when this start made it up. It is
	// shown to the operator once and kept nowhere.
	FirstPassword string

	data       string
	proxies    observe.Proxies
	rotation   time.Duration // how long a signing key signs; 0 means for good
	drain      time.Duration // how long the node answers on after it says that it is not ready
	csrfKey    []byte
	selfSigned bool

	log     *slog.Logger
	metrics *observe.Metrics
	gateway *gateway.Gateway
	redis   *cluster.Redis    // nil when there is none
	api     *tokenapi.Handler // the same on every listener
	uses    *uses
	calls   *calls
	usage   *usage
	proofs  proofs
	apart   *apart // nil while passwords are hashed here
	serving atomic.Bool

	atGateway, atPortal, atOps listeners
}

// New opens the store, makes the first organization where there is none, binds the
// addresses and wires everything up. Nothing is answered before Serve.
func New(ctx context.Context, c config.Config, log *slog.Logger) (*Server, error) {
	services, err := OpenServices(ctx, c, log)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Services: services, data: c.Data, proxies: c.TrustedProxies, rotation: c.KeyRotation, drain: c.Drain, csrfKey: services.derive("csrf"), selfSigned: c.TLSCert == "",
		log: log, metrics: observe.NewMetrics(), uses: &uses{store: services.db, log: log, now: time.Now},
	}
	if err := s.start(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, c config.Config) error {
	var err error
	s.FirstPassword, err = s.Organization.Bootstrap(ctx, func() (string, error) { return adminPassword(c) })
	if err != nil {
		return fmt.Errorf("make the first organization: %w", err)
	}
	debug.FreeOSMemory() // a password was hashed: what that took is not needed soon
	if err := s.bind(ctx, c); err != nil {
		return err
	}
	if err := s.openProofs(c); err != nil {
		return err
	}
	s.tokens.Issuer = s.GatewayURL
	s.gateway = &gateway.Gateway{
		APIs: s.db, Rules: s.db, Salt: binary.BigEndian.Uint64(s.derive("addresses")), Tokens: s.tokens, Clients: s.Services, APIKeys: countedKeys{s.Services, s.uses}, People: s.people, Signer: s.tokens, URL: s.GatewayURL, Proofs: s.proofs.atGateway, MutualTLS: s.proofs.mutualTLS, Egress: c.BackendNetworks, TrustedProxies: c.TrustedProxies, MaxBody: c.MaxBody, OwnEngine: c.Engine == config.EngineOwn, Secrets: vault{s.tokens.Keys.MasterKey}, Log: s.log, Now: time.Now,
	}
	s.usage = &usage{gateway: s.gateway, store: s.db, counted: s.metrics.CallsCounted, log: s.log}
	s.calls = &calls{Gateway: s.gateway, usage: s.usage, store: s.db, log: s.log}
	s.APIStore.Gateway, s.Publisher.Gateway = s.calls, s.calls
	s.api = s.tokenAPI()
	if err := s.countTogether(c); err != nil {
		return err
	}
	if err := s.protect(ctx, c); err != nil {
		return err
	}
	if err := s.follow(ctx, s.log, s.gateway); err != nil {
		return err
	}
	s.metrics.WatchBackends(gateway.TargetStates, s.gateway)
	s.watchConnections()
	s.changes.Subscribe(gatehouse.KeysRotated, func(context.Context, string) error { // behind the keys themselves
		s.gateway.KeysChanged()
		return nil
	})
	s.metrics.WatchHashQueue(func() int { return int(s.Organization.Passwords.Waiting()) })
	return s.gateway.Load(ctx)
}

// adminPassword returns the password that the operator chose for the first start, empty
// for none.
func adminPassword(c config.Config) (string, error) {
	if c.AdminPasswordFile == "" {
		return string(c.AdminPassword), nil
	}
	text, err := os.ReadFile(c.AdminPasswordFile)
	if err != nil {
		return "", fmt.Errorf("admin-password-file: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if first = strings.TrimSuffix(first, "\r"); first == "" {
		return "", fmt.Errorf("admin-password-file: the first line of %s is empty: write the password there", c.AdminPasswordFile)
	}
	return first, nil
}

// bind opens the addresses of this node's role.
func (s *Server) bind(ctx context.Context, c config.Config) error {
	cert, err := openCertificate(c, s.log, time.Now)
	if err != nil {
		return err
	}
	if c.Role.Gateway() {
		if s.atGateway, err = listen(ctx, "gateway-listen", c.GatewayListen, c.MaxConnections, cert, s.log); err != nil {
			return err
		}
		s.atGateway.askForCertificates()
		if c.Engine == config.EngineOwn {
			s.atGateway.speakOwn(s.log)
		}
	}
	if c.Role.Portal() {
		if s.atPortal, err = listen(ctx, "portal-listen", c.PortalListen, c.MaxConnections, cert, s.log); err != nil {
			return err
		}
	}
	if s.atOps, err = listen(ctx, "ops-listen", c.OpsListen, c.MaxConnections, cert, s.log); err != nil {
		return err
	}
	s.GatewayURL, s.PortalURL = c.GatewayURL, c.PortalURL
	if s.GatewayURL == "" && len(s.atGateway) > 0 {
		s.GatewayURL = s.atGateway[0].url()
	}
	if s.PortalURL == "" && len(s.atPortal) > 0 {
		s.PortalURL = s.atPortal[0].url()
	}
	if s.GatewayURL == "" {
		return errors.New("a node with --role portal must be told what the world calls the gateway: set --gateway-url")
	}
	return nil
}

// countTogether has the gateway count in the Redis that all nodes share, if there is one.
func (s *Server) countTogether(c config.Config) (err error) {
	if c.Redis == "" {
		return nil
	}
	if s.redis, err = cluster.OpenRedis(c.Redis); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	s.gateway.Shared = s.redis
	s.metrics.WatchCounting(s.gateway.CountsApart)
	return nil
}

func (s *Server) watchConnections() {
	for name, ls := range map[string]listeners{"gateway": s.atGateway, "portal": s.atPortal, "ops": s.atOps} {
		for _, l := range ls {
			s.metrics.WatchConnections(name, l.Addr().String(), l.open.Load, l.refused.Load)
		}
	}
}

// WatchLog counts the lines of the log that were dropped among the metrics. Call it once.
func (s *Server) WatchLog(dropped func() uint64) { s.metrics.WatchLog(dropped) }

// Ready returns the line that tells that the server serves, and where.
func (s *Server) Ready() string {
	line := []string{"ready"}
	add := func(name string, ls listeners, over func(*listener) bool) {
		for _, l := range ls {
			if over(l) {
				line = append(line, name+"="+l.url())
				return
			}
		}
	}
	any := func(*listener) bool { return true }
	add("gateway", s.atGateway, any)
	add("portal", s.atPortal, any)
	add("ops", s.atOps, any)
	if len(s.atGateway) > 0 && s.atGateway[0].tls {
		add("gateway-http", s.atGateway, func(l *listener) bool { return !l.tls })
	}
	return strings.Join(line, " ")
}

// Serve answers until ctx ends. Then it says that it is not ready, answers on for the
// drain, stops accepting, lets what runs finish within a limit, and returns nil.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.atGateway)+len(s.atPortal)+len(s.atOps))
	s.atGateway.serve(s.observed("gateway", s.gatewayHandler(), false), failed)
	s.atPortal.serve(s.observed("portal", s.portalHandler(), true), failed)
	s.atOps.serve(s.observed("ops", (&observe.Ops{Metrics: s.metrics, Targets: func() any { return s.gateway.Targets() }, Ready: s.ready}).Handler(), false), failed)
	s.serving.Store(true)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go s.changes.Tail(background)
	go s.gateway.Watch(background)
	go s.keepHouse(background)
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-failed:
	}
	return errors.Join(failure, s.leave(background, failure == nil))
}

// leave ends the service in the order in which nobody is left without an answer: the ops
// listener goes last, because it says that the others go.
func (s *Server) leave(ctx context.Context, drain bool) error {
	s.serving.Store(false)
	front := slices.Concat(s.atGateway, s.atPortal)
	if drain {
		s.log.InfoContext(ctx, "stopping", "drain", s.drain)
		front.drain(s.drain)
	}
	end := time.Now().Add(shutdownLimit)
	err := front.shutdown(ctx, shutdownLimit)
	s.api.Drain(time.Until(end))
	s.uses.flush(ctx)
	s.calls.flush(ctx)
	s.usage.flush(ctx)
	return errors.Join(err, s.atOps.shutdown(ctx, time.Second))
}

// ready returns why the server cannot serve now, nil when it can.
func (s *Server) ready() error {
	if !s.serving.Load() {
		return gatehouse.Errorf(gatehouse.Unavailable, "stopping")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.db.Ping(ctx); err != nil {
		return &gatehouse.Error{Kind: gatehouse.Unavailable, Message: "the database does not answer", Err: err}
	}
	return nil
}

// keepHouse does what must be done now and then, until ctx ends.
func (s *Server) keepHouse(ctx context.Context) {
	flush, calls, minute, purge := time.NewTicker(flushEvery), time.NewTicker(callsEvery), time.NewTicker(time.Minute), time.NewTicker(time.Hour)
	defer flush.Stop()
	defer calls.Stop()
	defer minute.Stop()
	defer purge.Stop()
	s.rotateKeys(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			s.uses.flush(ctx)
			s.usage.flush(ctx)
		case <-calls.C:
			s.calls.flush(ctx)
		case <-minute.C:
			s.calls.purge(ctx)
			s.rotateKeys(ctx)
			if err := s.db.PurgeUsed(ctx); err != nil {
				s.log.WarnContext(ctx, "proofs that have ended were not purged", "err", err)
			}
		case <-purge.C:
			s.tokens.Revoked.Forget()
			s.usage.purge(ctx)
			if err := s.db.Purge(ctx); err != nil {
				s.log.WarnContext(ctx, "what has ended was not purged", "err", err)
			}
		}
	}
}

// rotateKeys makes the next signing keys where their turn comes.
func (s *Server) rotateKeys(ctx context.Context) {
	if s.rotation == 0 {
		return
	}
	if err := s.tokens.Keys.Rotate(ctx, s.rotation); err != nil {
		s.log.WarnContext(ctx, "the next signing key was not made; it is tried again", "err", err)
	}
}

// Close closes what New opened. Call it after Serve has returned.
func (s *Server) Close() error {
	for _, ls := range []listeners{s.atGateway, s.atPortal, s.atOps} {
		ls.close()
	}
	if s.gateway != nil {
		s.gateway.Close()
	}
	s.apart.close()
	if s.redis != nil {
		_ = s.redis.Close()
	}
	return s.Services.Close()
}

// observed puts what every interface wears around a handler.
func (s *Server) observed(name string, next http.Handler, accessLog bool) http.Handler {
	return &observe.Requests{Next: next, Log: s.log, Now: time.Now, Count: s.metrics.Interface(name), AccessLog: accessLog}
}

func (s *Server) tokenAPI() *tokenapi.Handler {
	h := &tokenapi.Handler{
		Issuer: s.GatewayURL, Clients: s.Services, Users: s.Organization, Scopes: s.Services, Tokens: s.tokens, Refresh: s.db, Keys: s.tokens.Keys,
		PortalURL: s.PortalURL, Codes: s.db, Sessions: s.db, Devices: s.db, Issuers: s.db, Outbound: s.proofs.outbound,
		Log: s.log, Now: time.Now, SecretUsed: s.uses.secret, GrantUsed: s.uses.grant, Issued: s.metrics.TokenIssued, Refused: s.metrics.TokenRefused,
		Registrar: s.APIStore, Acting: s.Acting, Once: s.db, Resources: s.gateway, Proxies: s.proxies,
	}
	s.proofs.prove(h)
	return h
}

// gatewayHandler serves the Gateway and the Token API. API paths never pass a ServeMux:
// it would answer paths that it finds unclean by itself, before the gateway sees them.
func (s *Server) gatewayHandler() http.Handler {
	tokens := http.NewServeMux()
	s.api.Register(tokens, true)
	tokens.HandleFunc(gateway.MetadataPath, s.gateway.Metadata)
	tokens.HandleFunc(gateway.MetadataPath+"/", s.gateway.Metadata)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tokenapi.Owns(r.URL.Path) {
			tokens.ServeHTTP(w, r)
			return
		}
		s.gateway.ServeHTTP(w, r)
	})
}

// portalHandler serves the web UI, the Management API, and the Token API under /oauth2.
// Pages alone are kept from requests that other sites make a browser send: programs
// bring tokens, which no browser adds by itself.
func (s *Server) portalHandler() http.Handler {
	in := &login.Handler{
		Organizations: s.Organization, Sessions: s.db, Authorizations: s.api, Devices: s.db, Clients: s.Services, Scopes: s.Services,
		CSRFKey: s.csrfKey, Proxies: s.proxies, Now: time.Now, Log: s.log,
	}
	ui := &web.Handler{
		Login: in, Organizations: s.Organization, Store: s.APIStore, Publisher: s.Publisher,
		GatewayURL: s.GatewayURL, SelfSigned: s.selfSigned, Now: time.Now, Log: s.log,
	}
	pages := http.NewServeMux()
	in.Register(pages)
	ui.Register(pages)

	mux := http.NewServeMux()
	s.api.Register(mux, false)
	(&rest.Handler{
		Publisher: s.Publisher, Store: s.APIStore, Rules: s.Organization, Tokens: s.tokens, Members: s.Services, People: s.Organization,
		GatewayURL: s.GatewayURL, TokenURL: s.GatewayURL + "/token", Proxies: s.proxies, Log: s.log, Now: time.Now,
	}).Register(mux)
	mux.Handle("GET /static/", page.Static())
	mux.Handle("/", in.Protect(pages))
	return mux
}
