-- name: CreatePending :exec
INSERT INTO pending (hash, kind, consumer_key, says, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: PendingByHash :one
SELECT * FROM pending WHERE hash = $1 AND kind = $2 AND expires_at > $3;

-- name: TakePending :execrows
DELETE FROM pending WHERE hash = $1 AND expires_at > $2;

-- name: PurgePending :execrows
DELETE FROM pending WHERE expires_at < $1;

-- name: CreateCode :exec
INSERT INTO codes (hash, family, consumer_key, user_id, org_key, binds, issued_at, expires_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0);

-- name: CodeByHash :one
SELECT * FROM codes WHERE hash = $1;

-- name: UseCode :execrows
UPDATE codes SET used_at = $2 WHERE hash = $1 AND used_at = 0;

-- name: PurgeCodes :execrows
DELETE FROM codes WHERE expires_at < $1;

-- name: ConsentOf :one
SELECT * FROM consents WHERE user_id = $1 AND consumer_key = $2;

-- name: PutConsent :exec
INSERT INTO consents (user_id, consumer_key, scopes, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, consumer_key) DO UPDATE SET scopes = excluded.scopes, at = excluded.at;

-- name: PutSessionClient :exec
INSERT INTO session_clients (sid, consumer_key, user_id, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (sid, consumer_key) DO UPDATE SET expires_at = excluded.expires_at;

-- name: TakeSessionClients :many
DELETE FROM session_clients WHERE sid = $1 RETURNING *;

-- name: PurgeSessionClients :execrows
DELETE FROM session_clients WHERE expires_at < $1;
