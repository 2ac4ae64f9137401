package gatehouse

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// APIKey is a credential that says which application calls, or which API may be called,
// and nothing more. Only a hash of the key itself is kept.
type APIKey struct {
	ID      string
	OrgID   string
	OrgKey  string
	OwnerID string // the application's owner, or who made a key that has no application
	Name    string
	Hash    string // HashToken of the key
	Hint    string // its last four characters
	Type    KeyType

	ApplicationID string // whose subscriptions it uses; empty for a key of an API that no application has taken up
	APIID         string // the one API it opens; empty for all that the application subscribes to

	Networks []netip.Prefix // where calls must come from; none means anywhere
	Referers []string       // pages that calls must come from, as "www.a.com/p", "a.com/*", "*.a.com/*"; none means any

	CreatedAt time.Time
	ExpiresAt time.Time // zero when it has no end
	LastUsed  time.Time // zero when it was never used; a few seconds late
}

// Limits of API keys.
const (
	MaxAPIKeys      = 100 // of an application, and of a member for one API
	MaxRestrictions = 50  // networks, and pages, of one key
)

// apiKeyPrefix lets scanners for leaked secrets find API keys.
const apiKeyPrefix = "ghk_"

const apiKeyLength = len(apiKeyPrefix) + 40

// NewAPIKey gives k a key, which is returned and cannot be had again.
func NewAPIKey(k *APIKey, now time.Time) string {
	key := apiKeyPrefix + RandomText(apiKeyLength-len(apiKeyPrefix))
	k.ID, k.Hash, k.Hint, k.CreatedAt = NewID(now), HashToken(key), key[len(key)-4:], now
	return key
}

// ValidAPIKey reports whether key has the form of an API key, so that nothing else is
// looked up.
func ValidAPIKey(key string) bool {
	return len(key) == apiKeyLength && strings.HasPrefix(key, apiKeyPrefix) && strings.Trim(key[len(apiKeyPrefix):], base62) == ""
}

// Live reports whether k may be used.
func (k *APIKey) Live(now time.Time) bool { return k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt) }

// From reports whether k may be used from an address; from one that nobody knows only
// where any will do.
func (k *APIKey) From(address netip.Addr) bool {
	return len(k.Networks) == 0 || slices.ContainsFunc(k.Networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// By reports whether k may be used by a page, as the header Referer names it.
func (k *APIKey) By(referer string) bool {
	return len(k.Referers) == 0 || slices.ContainsFunc(k.Referers, func(pattern string) bool { return refers(pattern, referer) })
}

// refers reports whether a page is one of those that a pattern means: of a host, or of the
// hosts below it where it begins with "*."; under a path where it ends with "*".
func refers(pattern, referer string) bool {
	if !strings.Contains(referer, "://") {
		referer = "https://" + referer
	}
	page, err := url.Parse(referer)
	if err != nil || page.Host == "" || page.User != nil {
		return false
	}
	host, path, whole := strings.Cut(pattern, "/")
	below, any := strings.CutPrefix(host, "*.")
	got := strings.ToLower(page.Host)
	if any && !strings.HasSuffix(got, "."+below) || !any && got != host {
		return false
	}
	under, open := strings.CutSuffix("/"+path, "*")
	at := page.EscapedPath()
	if at == "" {
		at = "/"
	}
	return !whole || open && strings.HasPrefix(at, under) || at == "/"+path
}

// refererPattern is a host or "*." and a host, a port perhaps, and a path that may end
// with "*".
var refererPattern = regexp.MustCompile(`^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?(/[^\s*?#,]*\*?)?$`)

// Restrict reads where a key may be used from: lists with commas between, of addresses or
// networks, and of pages.
func (k *APIKey) Restrict(networks, referers string) error {
	k.Networks, k.Referers = nil, nil
	for _, text := range listed(networks) {
		network, err := parseNetwork(text)
		if err != nil {
			return Errorf(Invalid, "%q is no IP address and no network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32", text)
		}
		k.Networks = append(k.Networks, network)
	}
	for _, text := range listed(referers) {
		host, path, slash := strings.Cut(text, "/")
		text = strings.ToLower(host)
		if slash {
			text += "/" + path
		}
		if !refererPattern.MatchString(text) || len(text) > MaxName {
			return Errorf(Invalid, "%q names no pages: write www.a.com/p, www.a.com/* or *.a.com/*, without https://", text)
		}
		k.Referers = append(k.Referers, text)
	}
	if len(k.Networks) > MaxRestrictions || len(k.Referers) > MaxRestrictions {
		return Errorf(Invalid, "a key is restricted to at most %d networks and %d pages", MaxRestrictions, MaxRestrictions)
	}
	return nil
}

func listed(s string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }), func(s string) bool { return s == "" })
}

func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return address.Unmap().WithZone("").Prefix(address.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// Validate checks the rules an API key keeps when it is made.
func (k *APIKey) Validate(now time.Time) error {
	switch {
	case k.Type != Production && k.Type != Sandbox:
		return Errorf(Invalid, "%q is no key type: use %s or %s", k.Type, Production, Sandbox)
	case k.ApplicationID == "" && k.APIID == "":
		return Errorf(Invalid, "an API key belongs to an application or to an API")
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now):
		return Errorf(Invalid, "an API key must expire in the future")
	}
	return CheckName("an API key", k.Name)
}

// Authorize returns what a call with k says: that it comes from the application, or from
// nobody in particular.
func (k *APIKey) Authorize() *Authorization {
	a := &Authorization{
		ID: k.ID, OrgKey: k.OrgKey, KeyType: k.Type, For: ForApplication, Subject: or(k.ApplicationID, k.ID), IssuedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
	}
	if a.ExpiresAt.IsZero() {
		a.ExpiresAt = EndOfTime
	}
	return a
}
