-- Signing keys take turns: each begins to sign at a moment, and is kept until the last
-- token that it signed has ended. Keys from before sign since they were made; what they
-- signed may live for ever.

ALTER TABLE signing_keys ADD COLUMN signs_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN until_at BIGINT NOT NULL DEFAULT 253402300799000000;
ALTER TABLE signing_keys ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0;

UPDATE signing_keys SET signs_at = created_at;
