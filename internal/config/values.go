package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// none is how an empty list is written where an empty one makes sense.
const none = "none"

// parseList reads values separated by commas; none, or nothing, is an empty list.
func parseList[T any](text string, parse func(string) (T, error)) ([]T, error) {
	if text == "" || text == none {
		return nil, nil
	}
	var list []T
	for item := range strings.SplitSeq(text, ",") {
		v, err := parse(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func parseNetworks(text string) ([]netip.Prefix, error) {
	return parseList(text, func(item string) (netip.Prefix, error) {
		p, err := netip.ParsePrefix(item)
		if err != nil {
			return p, fmt.Errorf("%q is no network: use CIDRs like 10.1.0.0/16 or 10.1.2.3/32, or none", item)
		}
		return p.Masked(), nil
	})
}

// parseBaseURL reads what the world calls a listener. Paths are refused because
// cookies, redirects and the issuer all count on owning the whole host. Names beyond
// ASCII are written as xn--…, as certificates and headers need them.
func parseBaseURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	wrong := errors.New("not a base URL: use a scheme and a host without a path, like https://api.example.com or https://localhost:8243")
	u, err := url.Parse(text)
	if err != nil || !isHost(u.Hostname()) || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", wrong
	}
	if u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
			return "", wrong
		}
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return "", wrong
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// parseDatabase checks the kind of database alone; what follows is the driver's. The
// value is never repeated in the error, it may hold a password.
func parseDatabase(text string) (string, error) {
	if text == "sqlite" || strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return text, nil
	}
	return "", fmt.Errorf("not a database: use sqlite or postgres://USER:PASSWORD@HOST:PORT/NAME")
}

// parseRedis checks the kind alone, like parseDatabase; none is empty.
func parseRedis(text string) (string, error) {
	if text == "" || text == none {
		return "", nil
	}
	for _, kind := range []string{"", "+cluster", "+sentinel"} {
		if strings.HasPrefix(text, "redis"+kind+"://") || strings.HasPrefix(text, "rediss"+kind+"://") {
			return text, nil
		}
	}
	return "", errors.New("not a Redis: use redis://HOST:PORT, redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT/MASTER, or none")
}

func parsePath(text string) (string, error) {
	if text == "" {
		return "", fmt.Errorf("name a folder")
	}
	return text, nil
}

func anyText(text string) (string, error) { return text, nil }

func parseSecret(text string) (Secret, error) { return Secret(text), nil }

func setLogLevel(c *Config, text string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[text]
	if !ok {
		return fmt.Errorf("%q is none of debug, info, warn, error", text)
	}
	c.LogLevel = level
	return nil
}

func oneOf[T ~string](allowed ...T) func(string) (T, error) {
	return func(text string) (T, error) {
		var names []string
		for _, a := range allowed {
			if T(text) == a {
				return a, nil
			}
			names = append(names, string(a))
		}
		return "", fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
	}
}

func between(least, most int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%q is no number from %d to %d", text, least, most)
		}
		return n, nil
	}
}

// parseRotation reads how long something lasts, in whole hours or days; none is 0.
func parseRotation(text string) (time.Duration, error) {
	if text == none {
		return 0, nil
	}
	for suffix, unit := range map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour} {
		number, ok := strings.CutSuffix(text, suffix)
		if n, err := strconv.ParseUint(number, 10, 16); ok && err == nil && n > 0 && time.Duration(n)*unit <= 3650*24*time.Hour {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%q is no time from 1h to 3650d: use a whole number with h for hours or d for days, or none", text)
}

// parseWait reads how long somebody may wait, 1s to 1h.
func parseWait(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > time.Hour {
		return 0, fmt.Errorf("%q is no time from 1s to 1h: use a number with s, m or h", text)
	}
	return d, nil
}

func parseDrain(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 5*time.Minute {
		return 0, fmt.Errorf("%q is no time from 0s to 5m: use a number with ms, s or m", text)
	}
	return d, nil
}

const maxSize = 1 << 40

// ParseSize reads a number of bytes, 1 to 1 TiB: plain, or with KiB, MiB or GiB.
func ParseSize(text string) (int64, error) {
	number, unit := text, int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			number, unit = strings.TrimSpace(rest), bytes
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || n == 0 || n > maxSize/uint64(unit) {
		return 0, fmt.Errorf("%q is no size: use bytes, or KiB, MiB or GiB after a whole number, like 64KiB or 10MiB, at most 1024GiB", text)
	}
	return int64(n) * unit, nil
}
