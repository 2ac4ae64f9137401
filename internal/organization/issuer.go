package organization

import (
	"context"
	"encoding/json"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
)

// TrustIssuer lets an organization take an issuer's word about who a user is. Only the
// operator reaches it. It is a Conflict when the issuer is trusted already.
func (s *Service) TrustIssuer(ctx context.Context, orgKey string, t gatehouse.TrustedIssuer) (*gatehouse.TrustedIssuer, error) {
	org, err := s.Store.Organization(ctx, orgKey)
	if err != nil {
		return nil, orgUnknown(err, orgKey)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if len(t.JWKS) > 0 {
		if err := validJWKS(t.JWKS); err != nil {
			return nil, err
		}
	}
	t.CreatedAt = s.Now()
	t.ID, t.OrgID = gatehouse.NewID(t.CreatedAt), org.ID
	if err := s.Store.CreateIssuer(ctx, &t, gatehouse.MaxIssuers); err != nil {
		return nil, err
	}
	return &t, nil
}

// validJWKS checks that text is a set of public keys (RFC 7517): a secret key in it would
// let everybody who knows it speak for the issuer.
func validJWKS(text json.RawMessage) error {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 {
		return gatehouse.Errorf(gatehouse.Invalid, "an issuer's keys are a JWK set: {\"keys\":[…]} with at least one key")
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() {
			return gatehouse.Errorf(gatehouse.Invalid, "the JWK set holds a key that is not public, or not valid: keep the public halves only")
		}
	}
	return nil
}

// Issuers returns the issuers that an organization trusts. Only the operator reaches it.
func (s *Service) Issuers(ctx context.Context, orgKey string) ([]gatehouse.TrustedIssuer, error) {
	org, err := s.Store.Organization(ctx, orgKey)
	if err != nil {
		return nil, orgUnknown(err, orgKey)
	}
	return s.Store.Issuers(ctx, org.ID)
}

// DistrustIssuer ends an organization's trust in an issuer, by its id. Tokens that its
// assertions were traded for live on. Only the operator reaches it.
func (s *Service) DistrustIssuer(ctx context.Context, orgKey, id string) error {
	org, err := s.Store.Organization(ctx, orgKey)
	if err != nil {
		return orgUnknown(err, orgKey)
	}
	return s.Store.DeleteIssuer(ctx, org.ID, id)
}

// MemberNamed returns the member of org that a name means, with or without the
// organization key behind it. It proves nothing: whoever calls it knows the name from
// somebody whom the organization trusts.
func (s *Service) MemberNamed(ctx context.Context, org *gatehouse.Organization, name string) (*gatehouse.Member, error) {
	username, ours, err := s.resolve(ctx, org, name)
	if err != nil {
		return nil, err
	}
	if username == "" || !ours {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such user")
	}
	return s.Store.MemberByUsername(ctx, org.ID, username)
}
