-- name: CreateOrganization :exec
INSERT INTO organizations (id, key, name, password_grant, never_expiring, sign_up, created_at, password_deprecated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: OrganizationByKey :one
SELECT * FROM organizations WHERE key = $1;

-- name: OrganizationByID :one
SELECT * FROM organizations WHERE id = $1;

-- name: Organizations :many
SELECT * FROM organizations ORDER BY key;

-- name: UpdateOrganization :exec
UPDATE organizations SET name = $2, password_grant = $3, never_expiring = $4, sign_up = $5, password_deprecated_at = $6 WHERE id = $1;

-- name: DeleteOrganization :execrows
DELETE FROM organizations WHERE id = $1;

-- name: AddRole :exec
INSERT INTO roles (org_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: Roles :many
SELECT name FROM roles WHERE org_id = $1 ORDER BY name;
