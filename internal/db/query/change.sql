-- name: AppendChange :exec
INSERT INTO changes (seq, noun, id, at)
SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3 FROM changes;

-- name: ChangesAfter :many
SELECT seq, noun, id FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2;

-- name: LastChange :one
SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM changes;

-- name: PurgeChanges :execrows
DELETE FROM changes WHERE changes.at < $1 AND changes.seq < (SELECT MAX(c.seq) FROM changes AS c);
