-- name: CreateIssuer :exec
INSERT INTO trusted_issuers (id, org_id, kind, issuer, jwks, jwks_uri, certificate, audience, claim, consumer_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: IssuersOf :many
SELECT * FROM trusted_issuers WHERE org_id = $1 ORDER BY created_at, id;

-- name: IssuerByName :one
SELECT * FROM trusted_issuers WHERE org_id = $1 AND kind = $2 AND issuer = $3;

-- name: DeleteIssuer :execrows
DELETE FROM trusted_issuers WHERE org_id = $1 AND id = $2;
