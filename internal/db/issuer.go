package db

import (
	"context"
	"encoding/json"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func issuer(r query.TrustedIssuer) gatehouse.TrustedIssuer {
	t := gatehouse.TrustedIssuer{
		ID: r.ID, OrgID: r.OrgID, Kind: gatehouse.IssuerKind(r.Kind), Issuer: r.Issuer, JWKSURI: r.JwksUri, Certificate: r.Certificate,
		Audience: r.Audience, Claim: r.Claim, ConsumerKey: r.ConsumerKey, CreatedAt: moment(r.CreatedAt),
	}
	if r.Jwks != "" {
		t.JWKS = json.RawMessage(r.Jwks)
	}
	return t
}

// CreateIssuer stores an issuer that an organization trusts. It is a Conflict when it is
// trusted already, or the organization trusts atMost.
func (db *DB) CreateIssuer(ctx context.Context, i *gatehouse.TrustedIssuer, atMost int) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		all, err := t.IssuersOf(ctx, i.OrgID)
		if err != nil {
			return err
		}
		if len(all) >= atMost {
			return gatehouse.Errorf(gatehouse.Conflict, "the organization trusts %d issuers: delete one first", len(all))
		}
		return t.CreateIssuer(ctx, query.CreateIssuerParams{
			ID: i.ID, OrgID: i.OrgID, Kind: string(i.Kind), Issuer: i.Issuer, Jwks: string(i.JWKS), JwksUri: i.JWKSURI, Certificate: i.Certificate,
			Audience: i.Audience, Claim: i.Claim, ConsumerKey: i.ConsumerKey, CreatedAt: micros(i.CreatedAt),
		})
	})
	return db.explain(err, "trusted issuer")
}

// Issuers returns the issuers that an organization trusts, the oldest first.
func (db *DB) Issuers(ctx context.Context, orgID string) ([]gatehouse.TrustedIssuer, error) {
	rows, err := db.q.IssuersOf(ctx, orgID)
	return each(rows, issuer), db.explain(err, "trusted issuer")
}

// Issuer returns the trusted issuer of an organization with a name.
func (db *DB) Issuer(ctx context.Context, orgID string, kind gatehouse.IssuerKind, name string) (*gatehouse.TrustedIssuer, error) {
	r, err := db.q.IssuerByName(ctx, query.IssuerByNameParams{OrgID: orgID, Kind: string(kind), Issuer: name})
	if err != nil {
		return nil, db.explain(err, "trusted issuer")
	}
	i := issuer(r)
	return &i, nil
}

// DeleteIssuer ends an organization's trust in an issuer.
func (db *DB) DeleteIssuer(ctx context.Context, orgID, id string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.DeleteIssuer(ctx, query.DeleteIssuerParams{OrgID: orgID, ID: id})
		return one(rows, err, "trusted issuer")
	})
	return db.explain(err, "trusted issuer")
}
