-- name: CreateRefreshToken :exec
INSERT INTO refresh_tokens (hash, family, consumer_key, user_id, org_key, carries, issued_at, expires_at, family_end, rotated_at, replay)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '');

-- name: RefreshTokenByHash :one
SELECT sqlc.embed(refresh_tokens), sqlc.embed(users), sqlc.embed(organizations), members.roles, members.joined_at, EXISTS (
    SELECT 1 FROM revocations AS r
    WHERE (r.kind = 'family' AND r.id = refresh_tokens.family)
       OR (r.kind = 'user' AND r.id = refresh_tokens.user_id AND r.at >= refresh_tokens.issued_at)
       OR (r.kind = 'member' AND r.id = refresh_tokens.user_id || '@' || refresh_tokens.org_key AND r.at >= refresh_tokens.issued_at)
       OR (r.kind = 'keys' AND r.id = refresh_tokens.consumer_key AND r.at >= refresh_tokens.issued_at)
       OR (r.kind = 'org' AND r.id = refresh_tokens.org_key AND r.at >= refresh_tokens.issued_at)
) AS revoked
FROM refresh_tokens
    JOIN users ON users.id = refresh_tokens.user_id
    JOIN organizations ON organizations.key = refresh_tokens.org_key
    JOIN members ON members.org_id = organizations.id AND members.user_id = refresh_tokens.user_id
WHERE refresh_tokens.hash = $1;

-- name: RotateRefreshToken :execrows
UPDATE refresh_tokens SET rotated_at = $2, replay = $3
WHERE hash = $1 AND rotated_at = 0 AND NOT EXISTS (
    SELECT 1 FROM revocations AS r
    WHERE (r.kind = 'family' AND r.id = refresh_tokens.family)
       OR (r.kind = 'user' AND r.id = refresh_tokens.user_id AND r.at >= refresh_tokens.issued_at)
       OR (r.kind = 'member' AND r.id = refresh_tokens.user_id || '@' || refresh_tokens.org_key AND r.at >= refresh_tokens.issued_at)
       OR (r.kind = 'keys' AND r.id = refresh_tokens.consumer_key AND r.at >= refresh_tokens.issued_at)
       OR (r.kind = 'org' AND r.id = refresh_tokens.org_key AND r.at >= refresh_tokens.issued_at)
);

-- name: PurgeRefreshTokens :execrows
DELETE FROM refresh_tokens WHERE expires_at < $1;

-- name: CreateAccessToken :exec
INSERT INTO access_tokens (hash, says, expires_at) VALUES ($1, $2, $3);

-- name: AccessTokenByHash :one
SELECT says FROM access_tokens WHERE hash = $1;

-- name: PurgeAccessTokens :execrows
DELETE FROM access_tokens WHERE expires_at < $1;

-- name: PutRevocation :exec
INSERT INTO revocations (kind, id, at, access_end, until_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, id) DO UPDATE SET
    at = CASE WHEN excluded.at > revocations.at THEN excluded.at ELSE revocations.at END,
    access_end = CASE WHEN excluded.access_end > revocations.access_end THEN excluded.access_end ELSE revocations.access_end END,
    until_at = CASE WHEN excluded.until_at > revocations.until_at THEN excluded.until_at ELSE revocations.until_at END;

-- name: RevocationByID :one
SELECT * FROM revocations WHERE kind = $1 AND id = $2;

-- name: LiveRevocations :many
SELECT * FROM revocations WHERE access_end > $1;

-- name: RevocationsOf :many
SELECT * FROM revocations
WHERE (kind = 'family' AND id = sqlc.arg(family)) OR (kind = 'user' AND id = sqlc.arg(user_id)) OR (kind = 'member' AND id = sqlc.arg(member))
   OR (kind = 'keys' AND id = sqlc.arg(consumer_key)) OR (kind = 'org' AND id = sqlc.arg(org_key));

-- name: PurgeRevocations :execrows
DELETE FROM revocations WHERE until_at < $1;
