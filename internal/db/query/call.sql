-- name: CreateCall :exec
INSERT INTO calls (id, org_key, api_id, application_id, says, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING;

-- name: CallByID :one
SELECT says FROM calls WHERE id = $1;

-- name: CallsOfApplication :many
SELECT says FROM calls WHERE application_id = $1 ORDER BY at DESC LIMIT $2;

-- name: CallsToAPI :many
SELECT says FROM calls WHERE org_key = $1 AND api_id = $2 ORDER BY at DESC LIMIT $3;

-- name: PurgeCalls :execrows
DELETE FROM calls WHERE at <= $1;
