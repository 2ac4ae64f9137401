-- What the device, assertion and exchange grants keep, and who still uses which grant.

CREATE TABLE device_codes (
	hash         TEXT   PRIMARY KEY,     -- never the code itself
	user_code    TEXT   NOT NULL UNIQUE, -- a hash too
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	carries      TEXT   NOT NULL,        -- scopes and what else the tokens will carry, as JSON
	state        TEXT   NOT NULL,
	user_id      TEXT   NOT NULL,        -- who answered; empty before
	interval_s   BIGINT NOT NULL,
	polled_at    BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL
);
CREATE INDEX device_codes_by_key ON device_codes (consumer_key);
CREATE INDEX device_codes_by_end ON device_codes (expires_at);

CREATE TABLE trusted_issuers (
	id           TEXT   PRIMARY KEY,
	org_id       TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	kind         TEXT   NOT NULL,
	issuer       TEXT   NOT NULL,
	jwks         TEXT   NOT NULL,
	jwks_uri     TEXT   NOT NULL,
	certificate  TEXT   NOT NULL,
	audience     TEXT   NOT NULL,
	claim        TEXT   NOT NULL,
	consumer_key TEXT   NOT NULL, -- empty means any
	created_at   BIGINT NOT NULL,

	UNIQUE (org_id, kind, issuer)
);

CREATE TABLE grant_uses (
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	grant_type   TEXT   NOT NULL,
	uses         BIGINT NOT NULL,
	last_day     BIGINT NOT NULL,

	PRIMARY KEY (consumer_key, grant_type)
);

ALTER TABLE organizations ADD COLUMN password_deprecated_at BIGINT NOT NULL DEFAULT 0;
