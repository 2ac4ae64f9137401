package publisher

import (
	"fmt"
	"net/url"

	"github.com/gatehouse/gatehouse"
)

// Secrets seals what backends are shown. What is sealed for an organization opens for no
// other.
type Secrets interface {
	Seal(orgID, plain string) (sealed string, err error)
}

// backends are the backends that a has after c. Secrets that c leaves blank stay as they
// are, but only where they go to hosts that they went to before: else whoever may change
// an API could read its secrets by having them sent to a host of their own.
func (c *Changes) backends(a *gatehouse.API) gatehouse.Backends {
	old, now := a.Settings.Backends, a.Settings.Backends
	if c.Backends != nil {
		now = *c.Backends
	}
	keep(&now.Production, &old.Production, orElse(c.Production, a.Production), a.Production)
	keep(&now.Sandbox, &old.Sandbox, orElse(c.Sandbox, a.Sandbox), a.Sandbox)
	return now
}

func orElse(changed *string, is string) string {
	if changed != nil {
		return *changed
	}
	return is
}

func keep(now, old *gatehouse.Backend, first, before string) {
	known := map[string]bool{}
	for _, h := range hosts(old, before) {
		known[h] = true
	}
	for _, h := range hosts(now, first) {
		if !known[h] {
			now.Forget()
			return
		}
	}
	now.Keep(old)
}

// hosts are those that a backend's secrets go to.
func hosts(b *gatehouse.Backend, first string) []string {
	urls := []string{first, b.Security.TokenURL}
	for _, t := range b.More {
		urls = append(urls, t.URL)
	}
	var hosts []string
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil && text != "" {
			hosts = append(hosts, u.Scheme+"://"+u.Host)
		}
	}
	return hosts
}

// seal seals the secrets of a's backends that were set just now.
func (s *Service) seal(a *gatehouse.API) error {
	for _, b := range []*gatehouse.Backend{&a.Settings.Backends.Production, &a.Settings.Backends.Sandbox} {
		for _, secret := range b.Secrets() {
			err := secret.Seal(func(plain string) (string, error) { return s.Secrets.Seal(a.OrgID, plain) })
			if err != nil {
				return fmt.Errorf("seal a secret of a backend: %w", err)
			}
		}
	}
	return nil
}
