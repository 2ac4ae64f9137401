package publisher

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Security is what a publisher says of the credentials that open an API. Nil fields leave
// what the API has.
type Security struct {
	Opens     *Opens
	Header    *string // carries tokens and passwords; empty or Authorization for the usual one
	KeyHeader *string // carries API keys; empty or apikey for the usual one
	Audiences []string
}

// Opens is which credentials are looked at.
type Opens struct {
	Schemes          []gatehouse.Scheme
	MutualTLS        gatehouse.Presence
	CertificateAlone bool
}

func (c *Security) apply(s *gatehouse.Security) {
	if o := c.Opens; o != nil {
		s.Schemes, s.MutualTLS, s.CertificateAlone = o.Schemes, o.MutualTLS, o.CertificateAlone
	}
	if c.Header != nil {
		s.Header = unless(*c.Header, gatehouse.AuthorizationHeader)
	}
	if c.KeyHeader != nil {
		s.KeyHeader = unless(*c.KeyHeader, gatehouse.APIKeyHeader)
	}
	if c.Audiences != nil {
		s.Audiences = c.Audiences
	}
}

// unless returns name, and nothing for the usual one.
func unless(name, usual string) string {
	if strings.EqualFold(name, usual) {
		return ""
	}
	return name
}

// TryOutLifetime is how long an internal key is good for.
const TryOutLifetime = time.Hour

// TryOut returns an internal key, by which the acting member calls one API before it is
// published, and without a subscription.
func (s *Service) TryOut(ctx context.Context, by *gatehouse.Member, apiID string) (string, error) {
	a, err := s.API(ctx, by, apiID)
	if err != nil {
		return "", err
	}
	if !a.Known() {
		return "", gatehouse.Errorf(gatehouse.Conflict, "API %s %s is %s: there is nothing to try out", a.Name, a.Version, a.State)
	}
	now := s.Now()
	says := &gatehouse.Authorization{
		ID: gatehouse.NewID(now), OrgKey: a.OrgKey, KeyType: gatehouse.Production, For: gatehouse.ForUser, Subject: by.ID, Username: by.Qualified(),
		Audience: []string{a.ID}, IssuedAt: now,
	}
	if a.Production == "" && a.Sandbox != "" {
		says.KeyType = gatehouse.Sandbox
	}
	says.Lives(TryOutLifetime)
	return s.Tokens.IssueInternal(says)
}

// AddCertificate lets an API know a caller by a certificate, in PEM or DER. It is a
// Conflict when the alias is taken.
func (s *Service) AddCertificate(ctx context.Context, by *gatehouse.Member, apiID string, c gatehouse.ClientCertificate, text []byte) (*gatehouse.ClientCertificate, error) {
	read, err := gatehouse.NewClientCertificate(c.Alias, c.Type, c.Tier, text, s.Now())
	if err != nil {
		return nil, err
	}
	read.Authority = c.Authority
	_, err = s.update(ctx, by, apiID, func(a *gatehouse.API, _ *gatehouse.Definition, _ []gatehouse.Scope) error {
		a.Settings.Security.Certificates = append(a.Settings.Security.Certificates, read)
		return nil
	})
	return &read, err
}

// RemoveCertificate makes an API forget a certificate; the next call by it is refused.
func (s *Service) RemoveCertificate(ctx context.Context, by *gatehouse.Member, apiID, alias string) error {
	_, err := s.update(ctx, by, apiID, func(a *gatehouse.API, _ *gatehouse.Definition, _ []gatehouse.Scope) error {
		all := &a.Settings.Security.Certificates
		before := len(*all)
		*all = slices.DeleteFunc(*all, func(c gatehouse.ClientCertificate) bool { return c.Alias == alias })
		if len(*all) == before {
			return gatehouse.Errorf(gatehouse.NotFound, "there is no such client certificate")
		}
		return nil
	})
	return err
}
