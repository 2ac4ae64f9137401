-- name: CreateApplication :exec
INSERT INTO applications (id, org_id, owner_id, name, description, tier, token_format, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: UpdateApplication :exec
UPDATE applications SET name = $2, description = $3, tier = $4, token_format = $5 WHERE id = $1;

-- name: DeleteApplication :execrows
DELETE FROM applications WHERE org_id = $1 AND id = $2;

-- name: ApplicationByID :one
SELECT sqlc.embed(applications), users.username
FROM applications JOIN users ON users.id = applications.owner_id
WHERE applications.org_id = $1 AND applications.id = $2;

-- name: ApplicationByName :one
SELECT sqlc.embed(applications), users.username
FROM applications JOIN users ON users.id = applications.owner_id
WHERE applications.org_id = $1 AND applications.owner_id = $2 AND applications.name = $3;

-- name: ApplicationsOf :many
SELECT sqlc.embed(applications), users.username
FROM applications JOIN users ON users.id = applications.owner_id
WHERE applications.org_id = $1 AND (applications.owner_id = $2 OR $2 = '')
ORDER BY applications.created_at, applications.id;

-- name: CreateKeys :exec
INSERT INTO keys (consumer_key, application_id, type, grants, callbacks, format, algorithm, access_s, refresh_s, grace_s, revokes_before, metadata, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: UpdateKeys :exec
UPDATE keys SET grants = $2, callbacks = $3, format = $4, algorithm = $5, access_s = $6, refresh_s = $7, grace_s = $8, revokes_before = $9, metadata = $10
WHERE consumer_key = $1;

-- name: DeleteKeys :execrows
DELETE FROM keys WHERE consumer_key = $1;

-- name: KeysByConsumerKey :one
SELECT * FROM keys WHERE consumer_key = $1;

-- name: KeysOf :many
SELECT * FROM keys WHERE application_id = $1 ORDER BY type;

-- name: KeysOfOwner :many
SELECT keys.consumer_key FROM keys JOIN applications ON applications.id = keys.application_id
WHERE applications.owner_id = $1;

-- name: KeysOfMember :many
SELECT keys.consumer_key FROM keys JOIN applications ON applications.id = keys.application_id
WHERE applications.owner_id = $1 AND applications.org_id = $2;

-- name: KeysOfOrganization :many
SELECT keys.consumer_key FROM keys JOIN applications ON applications.id = keys.application_id
WHERE applications.org_id = $1;

-- name: KeysSubscribedTo :many
SELECT keys.consumer_key FROM keys JOIN subscriptions ON subscriptions.application_id = keys.application_id
WHERE subscriptions.api_id = $1;

-- name: ApplicationOfKeys :one
SELECT sqlc.embed(applications), sqlc.embed(organizations), users.username
FROM keys JOIN applications ON applications.id = keys.application_id
JOIN organizations ON organizations.id = applications.org_id JOIN users ON users.id = applications.owner_id
WHERE keys.consumer_key = $1;

-- name: CreateSecret :exec
INSERT INTO secrets (id, consumer_key, name, hash, hint, created_at, expires_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: SecretsOf :many
SELECT * FROM secrets WHERE consumer_key = $1 ORDER BY created_at DESC, id DESC;

-- name: DeleteSecret :execrows
DELETE FROM secrets WHERE consumer_key = $1 AND id = $2;

-- name: UseSecret :exec
UPDATE secrets SET last_used_at = $2 WHERE id = $1;

-- name: ApplicationWithOrganization :one
SELECT sqlc.embed(applications), sqlc.embed(organizations), users.username
FROM applications JOIN organizations ON organizations.id = applications.org_id JOIN users ON users.id = applications.owner_id
WHERE applications.id = $1;

-- name: ApplicationsSubscribedTo :many
SELECT application_id FROM subscriptions WHERE api_id = $1;
