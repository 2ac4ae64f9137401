-- name: CreateUser :exec
INSERT INTO users (id, username, name, password_hash, disabled, created_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: UserByUsername :one
SELECT * FROM users WHERE username = $1;

-- name: UserByID :one
SELECT * FROM users WHERE id = $1;

-- name: SetPassword :execrows
UPDATE users SET password_hash = $2 WHERE id = $1;

-- name: ReplacePasswordHash :execrows
UPDATE users SET password_hash = sqlc.arg(after) WHERE id = sqlc.arg(id) AND password_hash = sqlc.arg(before);

-- name: DeleteUser :execrows
DELETE FROM users WHERE id = $1;

-- name: CreateMember :exec
INSERT INTO members (org_id, user_id, roles, joined_at) VALUES ($1, $2, $3, $4);

-- name: UpdateMember :execrows
UPDATE members SET roles = $3 WHERE org_id = $1 AND user_id = $2;

-- name: DeleteMember :execrows
DELETE FROM members WHERE org_id = $1 AND user_id = $2;

-- name: MemberByID :one
SELECT sqlc.embed(users), sqlc.embed(organizations), members.roles, members.joined_at
FROM members JOIN users ON users.id = members.user_id JOIN organizations ON organizations.id = members.org_id
WHERE members.org_id = $1 AND members.user_id = $2;

-- name: MemberByUsername :one
SELECT sqlc.embed(users), sqlc.embed(organizations), members.roles, members.joined_at
FROM members JOIN users ON users.id = members.user_id JOIN organizations ON organizations.id = members.org_id
WHERE members.org_id = $1 AND users.username = $2;

-- name: Members :many
SELECT sqlc.embed(users), sqlc.embed(organizations), members.roles, members.joined_at
FROM members JOIN users ON users.id = members.user_id JOIN organizations ON organizations.id = members.org_id
WHERE members.org_id = $1 ORDER BY users.username LIMIT $2 OFFSET $3;

-- name: Memberships :many
SELECT organizations.* FROM members JOIN organizations ON organizations.id = members.org_id
WHERE members.user_id = $1 ORDER BY organizations.key;

-- name: CountMemberships :one
SELECT COUNT(*) FROM members WHERE user_id = $1;
