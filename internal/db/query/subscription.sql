-- name: CreateSubscription :exec
INSERT INTO subscriptions (id, org_id, application_id, api_id, tier, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: UpdateSubscription :exec
UPDATE subscriptions SET tier = $2, state = $3 WHERE id = $1;

-- name: DeleteSubscription :execrows
DELETE FROM subscriptions WHERE org_id = $1 AND id = $2;

-- name: SubscriptionByID :one
SELECT * FROM subscriptions WHERE org_id = $1 AND id = $2;

-- name: SubscriptionsOfApplication :many
SELECT * FROM subscriptions WHERE application_id = $1 ORDER BY created_at, id;

-- name: SubscriptionsToAPI :many
SELECT * FROM subscriptions WHERE org_id = $1 AND api_id = $2 ORDER BY created_at, id;

-- name: CountSubscriptionsToAPI :one
SELECT COUNT(*) FROM subscriptions WHERE api_id = $1;
