-- name: CreateTier :exec
INSERT INTO tiers (id, org_id, level, name, display_name, description, terms, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: TiersOf :many
SELECT * FROM tiers WHERE org_id = $1 ORDER BY level, name;

-- name: AllTiers :many
SELECT sqlc.embed(tiers), organizations.key AS org_key
FROM tiers JOIN organizations ON organizations.id = tiers.org_id;

-- name: TierByID :one
SELECT * FROM tiers WHERE org_id = $1 AND id = $2;

-- name: UpdateTier :exec
UPDATE tiers SET display_name = $2, description = $3, terms = $4 WHERE id = $1;

-- name: DeleteTier :execrows
DELETE FROM tiers WHERE org_id = $1 AND id = $2;

-- name: CountSubscriptionsOn :one
SELECT COUNT(*) FROM subscriptions WHERE org_id = $1 AND tier = $2;

-- name: CountApplicationsOn :one
SELECT COUNT(*) FROM applications WHERE org_id = $1 AND tier = $2;

-- name: CreateDenyPolicy :exec
INSERT INTO deny_policies (id, org_id, kind, value, invert, active, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: DenyPoliciesOf :many
SELECT * FROM deny_policies WHERE org_id = $1 ORDER BY created_at, id;

-- name: ActiveDenyPolicies :many
SELECT sqlc.embed(deny_policies), organizations.key AS org_key
FROM deny_policies JOIN organizations ON organizations.id = deny_policies.org_id
WHERE deny_policies.active;

-- name: DenyPolicyByID :one
SELECT * FROM deny_policies WHERE org_id = $1 AND id = $2;

-- name: UpdateDenyPolicy :exec
UPDATE deny_policies SET active = $2 WHERE id = $1;

-- name: DeleteDenyPolicy :execrows
DELETE FROM deny_policies WHERE org_id = $1 AND id = $2;
