-- name: CreateAPIKey :exec
INSERT INTO api_keys (id, org_id, owner_id, application_id, api_id, type, name, hash, hint, networks, referers, created_at, expires_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: APIKeyByHash :one
SELECT sqlc.embed(api_keys), organizations.key AS org_key
FROM api_keys JOIN organizations ON organizations.id = api_keys.org_id
WHERE api_keys.hash = $1;

-- name: APIKeyByID :one
SELECT sqlc.embed(api_keys), organizations.key AS org_key
FROM api_keys JOIN organizations ON organizations.id = api_keys.org_id
WHERE api_keys.org_id = $1 AND api_keys.id = $2;

-- name: APIKeysOfApplication :many
SELECT sqlc.embed(api_keys), organizations.key AS org_key
FROM api_keys JOIN organizations ON organizations.id = api_keys.org_id
WHERE api_keys.org_id = $1 AND api_keys.application_id = $2
ORDER BY api_keys.created_at, api_keys.id;

-- name: APIKeysOfAPI :many
SELECT sqlc.embed(api_keys), organizations.key AS org_key
FROM api_keys JOIN organizations ON organizations.id = api_keys.org_id
WHERE api_keys.org_id = $1 AND api_keys.api_id = $2 AND api_keys.owner_id = $3
ORDER BY api_keys.created_at, api_keys.id;

-- name: AssociateAPIKey :exec
UPDATE api_keys SET application_id = $2 WHERE id = $1;

-- name: DeleteAPIKey :execrows
DELETE FROM api_keys WHERE org_id = $1 AND id = $2;

-- name: DeleteLooseAPIKeys :many
DELETE FROM api_keys WHERE org_id = $1 AND owner_id = $2 AND application_id IS NULL RETURNING hash;

-- name: UseAPIKey :exec
UPDATE api_keys SET last_used_at = $2 WHERE id = $1;
