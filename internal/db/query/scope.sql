-- name: ScopesOf :many
SELECT * FROM scopes WHERE org_id = $1 ORDER BY name;

-- name: PutScope :exec
INSERT INTO scopes (org_id, name, display_name, description, roles) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, name) DO UPDATE SET display_name = excluded.display_name, description = excluded.description, roles = excluded.roles;

-- name: DeleteScope :exec
DELETE FROM scopes WHERE org_id = $1 AND name = $2;
