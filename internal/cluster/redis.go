package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/gatehouse/gatehouse"
)

// Redis is a Redis or Valkey that all nodes share: a single server, one that Sentinels
// watch over, or a Cluster.
type Redis struct {
	client  redis.UniversalClient
	options *redis.UniversalOptions
}

// How long a call waits for Redis at most, where something goes wrong: for a connection,
// and for an answer.
const (
	dialTimeout   = 500 * time.Millisecond
	answerTimeout = 250 * time.Millisecond
	connections   = 64 // to one server, at most
)

// OpenRedis returns the Redis at an address. It does not connect yet: a node starts and
// serves without it.
func OpenRedis(address string) (*Redis, error) {
	o, err := parseRedis(address)
	if err != nil {
		return nil, err
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, answerTimeout, answerTimeout, answerTimeout
	o.PoolSize, o.MaxRetries, o.DialerRetries = connections, -1, 1 // what was sent may have been counted: it is not sent again
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	redis.SetLogger(quiet{})
	return &Redis{client: redis.NewUniversalClient(o), options: o}, nil
}

// quiet drops what the client logs by itself: its errors reach our log, once.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// parseRedis reads redis://[USER:PASSWORD@]HOST:PORT[/DATABASE], with several hosts for a
// Cluster; redis+cluster:// for one by a single host; and
// redis+sentinel://[USER:PASSWORD@]HOST:PORT,…/MASTER[/DATABASE]. With rediss it speaks TLS.
func parseRedis(address string) (*redis.UniversalOptions, error) {
	wrong := gatehouse.Errorf(gatehouse.Invalid, "not a Redis: use redis://USER:PASSWORD@HOST:PORT/DATABASE, redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/MASTER; rediss for TLS")
	scheme, rest, ok := strings.Cut(address, "://")
	security, mode, _ := strings.Cut(scheme, "+")
	if !ok || security != "redis" && security != "rediss" || mode != "" && mode != "cluster" && mode != "sentinel" {
		return nil, wrong
	}
	o := &redis.UniversalOptions{}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var err1, err2 error
		o.Username, err1 = url.PathUnescape(user)
		o.Password, err2 = url.PathUnescape(password)
		if errors.Join(err1, err2) != nil {
			return nil, wrong
		}
		rest = rest[at+1:]
	}
	hosts, path, _ := strings.Cut(rest, "/")
	for host := range strings.SplitSeq(hosts, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), map[bool]string{true: "26379", false: "6379"}[mode == "sentinel"])
		}
		if strings.HasPrefix(host, ":") {
			return nil, wrong
		}
		o.Addrs = append(o.Addrs, host)
	}
	if security == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if mode == "sentinel" {
		if o.MasterName, path, _ = strings.Cut(path, "/"); o.MasterName == "" {
			return nil, wrong
		}
	}
	o.IsClusterMode = mode == "cluster" || mode == "" && len(o.Addrs) > 1
	if path == "" {
		return o, nil
	}
	var err error
	if o.DB, err = strconv.Atoi(path); err != nil || o.DB < 0 || o.DB > 0 && o.IsClusterMode {
		return nil, wrong
	}
	return o, nil
}

// Close ends all connections.
func (r *Redis) Close() error { return r.client.Close() }

// Addresses returns the addresses of the servers: those that were named, and those that
// these tell of, when they answer. No backend may have one of them.
func (r *Redis) Addresses(ctx context.Context) ([]netip.AddrPort, error) {
	var addresses []netip.AddrPort
	for _, server := range r.options.Addrs {
		some, err := resolve(ctx, server)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, some...)
	}
	for _, server := range r.discovered(ctx) {
		some, _ := resolve(ctx, server) // what has no address cannot be a backend either
		addresses = append(addresses, some...)
	}
	return addresses, nil
}

func resolve(ctx context.Context, server string) ([]netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addresses []netip.AddrPort
	for _, ip := range ips {
		addresses = append(addresses, netip.AddrPortFrom(ip.Unmap(), uint16(number)))
	}
	return addresses, nil
}

// discovered asks Sentinels and Clusters for their servers.
func (r *Redis) discovered(ctx context.Context) []string {
	var servers []string
	switch {
	case r.options.IsClusterMode:
		slots, _ := r.client.ClusterSlots(ctx).Result() // none when nobody answers
		for _, s := range slots {
			for _, n := range s.Nodes {
				servers = append(servers, n.Addr)
			}
		}
	case r.options.MasterName != "":
		for _, address := range r.options.Addrs {
			sentinel := redis.NewSentinelClient(&redis.Options{Addr: address, DialTimeout: dialTimeout, ReadTimeout: answerTimeout, MaxRetries: -1, DialerRetries: 1, TLSConfig: r.options.TLSConfig})
			if master, err := sentinel.GetMasterAddrByName(ctx, r.options.MasterName).Result(); err == nil && len(master) == 2 {
				servers = append(servers, net.JoinHostPort(master[0], master[1]))
			}
			replicas, _ := sentinel.Replicas(ctx, r.options.MasterName).Result()
			for _, replica := range replicas {
				servers = append(servers, net.JoinHostPort(replica["ip"], replica["port"]))
			}
			_ = sentinel.Close()
		}
	}
	return servers
}
