-- name: CreateAPI :exec
INSERT INTO apis (id, org_id, name, name_key, version, context, description, provider, state, production, sandbox, tiers, approval, resources, tags, scopes, definition, settings, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);

-- name: UpdateAPI :exec
UPDATE apis SET description = $2, provider = $3, state = $4, production = $5, sandbox = $6, tiers = $7, resources = $8, tags = $9, scopes = $10, definition = $11, updated_at = $12, approval = $13, settings = $14
WHERE id = $1;

-- name: DeleteAPI :execrows
DELETE FROM apis WHERE org_id = $1 AND id = $2;

-- name: APIByID :one
SELECT sqlc.embed(apis), organizations.key AS org_key
FROM apis JOIN organizations ON organizations.id = apis.org_id
WHERE apis.org_id = $1 AND apis.id = $2;

-- name: KnownAPI :one
SELECT sqlc.embed(apis), organizations.key AS org_key
FROM apis JOIN organizations ON organizations.id = apis.org_id
WHERE apis.id = $1 AND apis.state <> 'RETIRED';

-- name: KnownAPIs :many
SELECT apis.id, apis.org_id, apis.name, apis.version, apis.context, apis.state, apis.production, apis.sandbox, apis.tiers, apis.resources, apis.settings, organizations.key AS org_key
FROM apis JOIN organizations ON organizations.id = apis.org_id
WHERE apis.state <> 'RETIRED';

-- name: APIsOf :many
SELECT id, org_id, name, name_key, version, context, description, provider, state, production, sandbox, tiers, approval, resources, tags, scopes, settings, created_at, updated_at
FROM apis WHERE org_id = $1 ORDER BY name_key, version;

-- name: DefinitionOf :one
SELECT definition FROM apis WHERE org_id = $1 AND id = $2;

-- name: UpdateSettings :exec
UPDATE apis SET settings = $2 WHERE id = $1;

-- name: UpdateState :exec
UPDATE apis SET state = $2, updated_at = $3 WHERE id = $1;
