-- name: PutSigningKey :exec
INSERT INTO signing_keys (id, algorithm, sealed, created_at, signs_at, until_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, signs_at = excluded.signs_at, revoked_at = excluded.revoked_at;

-- name: ExtendSigningKey :execrows
UPDATE signing_keys SET until_at = $2 WHERE id = $1 AND until_at < $2 AND revoked_at = 0;

-- name: DeleteSigningKey :exec
DELETE FROM signing_keys WHERE id = $1;

-- name: SigningKeys :many
SELECT * FROM signing_keys ORDER BY created_at, id;
