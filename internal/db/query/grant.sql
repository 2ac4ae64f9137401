-- name: UseGrant :exec
INSERT INTO grant_uses (consumer_key, grant_type, uses, last_day)
SELECT keys.consumer_key, CAST(sqlc.arg(grant_type) AS TEXT), CAST(sqlc.arg(uses) AS BIGINT), CAST(sqlc.arg(last_day) AS BIGINT)
FROM keys WHERE keys.consumer_key = sqlc.arg(consumer_key)
ON CONFLICT (consumer_key, grant_type) DO UPDATE SET
    uses = grant_uses.uses + excluded.uses,
    last_day = CASE WHEN excluded.last_day > grant_uses.last_day THEN excluded.last_day ELSE grant_uses.last_day END;

-- name: GrantUsesOf :many
SELECT * FROM grant_uses WHERE consumer_key = $1 ORDER BY grant_type;
