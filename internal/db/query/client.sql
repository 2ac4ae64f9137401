-- name: UseOnce :execrows
INSERT INTO used_once (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: PurgeUsedOnce :execrows
DELETE FROM used_once WHERE expires_at < $1;
