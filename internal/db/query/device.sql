-- name: CreateDeviceCode :execrows
INSERT INTO device_codes (hash, user_code, consumer_key, carries, state, user_id, interval_s, polled_at, expires_at)
VALUES ($1, $2, $3, $4, $5, '', $6, 0, $7)
ON CONFLICT DO NOTHING;

-- name: DeviceCodeByHash :one
SELECT * FROM device_codes WHERE hash = $1;

-- name: DeviceCodeByUserCode :one
SELECT * FROM device_codes WHERE user_code = $1;

-- name: PollDeviceCode :exec
UPDATE device_codes SET polled_at = $2, interval_s = $3 WHERE hash = $1;

-- name: AnswerDeviceCode :execrows
UPDATE device_codes SET state = $2, user_id = $3, carries = $4 WHERE hash = $1 AND state = 'pending';

-- name: DeleteDeviceCode :execrows
DELETE FROM device_codes WHERE hash = $1;

-- name: DeleteDeviceCodesOf :exec
DELETE FROM device_codes WHERE user_id = $1;

-- name: CountDeviceCodes :one
SELECT COUNT(*) FROM device_codes WHERE consumer_key = $1 AND expires_at > $2;

-- name: PurgeDeviceCodes :execrows
DELETE FROM device_codes WHERE expires_at < $1;
