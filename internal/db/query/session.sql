-- name: CreateSession :exec
INSERT INTO sessions (hash, sid, user_id, org_id, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: SessionByHash :one
SELECT * FROM sessions WHERE hash = $1;

-- name: TouchSession :exec
UPDATE sessions SET seen_at = $2 WHERE hash = $1;

-- name: DeleteSession :exec
DELETE FROM sessions WHERE hash = $1;

-- name: DeleteSessionsOf :exec
DELETE FROM sessions WHERE user_id = $1;

-- name: PurgeSessions :execrows
DELETE FROM sessions WHERE expires_at < $1;
