-- Ids are UUIDv7 text, times are microseconds UTC (0 means never), lists are JSON text,
-- durations are seconds. The same text runs on SQLite and PostgreSQL.

CREATE TABLE organizations (
	id             TEXT    PRIMARY KEY,
	key            TEXT    NOT NULL UNIQUE,
	name           TEXT    NOT NULL,
	password_grant BOOLEAN NOT NULL,
	never_expiring BOOLEAN NOT NULL,
	sign_up        BOOLEAN NOT NULL,
	created_at     BIGINT  NOT NULL
);

CREATE TABLE users (
	id            TEXT    PRIMARY KEY,
	username      TEXT    NOT NULL UNIQUE,
	name          TEXT    NOT NULL,
	password_hash TEXT    NOT NULL,
	disabled      BOOLEAN NOT NULL,
	created_at    BIGINT  NOT NULL
);

CREATE TABLE members (
	org_id    TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	user_id   TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	roles     TEXT   NOT NULL,
	joined_at BIGINT NOT NULL,

	PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE roles (
	org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	name   TEXT NOT NULL,

	PRIMARY KEY (org_id, name)
);

CREATE TABLE sessions (
	hash       TEXT   PRIMARY KEY,
	user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_id     TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE scopes (
	org_id       TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	name         TEXT NOT NULL,
	display_name TEXT NOT NULL,
	description  TEXT NOT NULL,
	roles        TEXT NOT NULL,

	PRIMARY KEY (org_id, name)
);

CREATE TABLE apis (
	id          TEXT   PRIMARY KEY,
	org_id      TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	name        TEXT   NOT NULL,
	name_key    TEXT   NOT NULL, -- the name in lower case: names compare without regard to it
	version     TEXT   NOT NULL,
	context     TEXT   NOT NULL,
	description TEXT   NOT NULL,
	provider    TEXT   NOT NULL,
	state       TEXT   NOT NULL,
	production  TEXT   NOT NULL,
	sandbox     TEXT   NOT NULL,
	tiers       TEXT   NOT NULL,
	approval    BOOLEAN NOT NULL, -- subscriptions wait for a publisher
	resources   TEXT   NOT NULL,
	tags        TEXT   NOT NULL,
	scopes      TEXT   NOT NULL, -- names of the scopes its definition defines
	definition  TEXT   NOT NULL, -- the OpenAPI document as it was given
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL,

	UNIQUE (org_id, name_key, version),
	UNIQUE (org_id, context, version)
);

CREATE TABLE applications (
	id           TEXT   PRIMARY KEY,
	org_id       TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	owner_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name         TEXT   NOT NULL,
	description  TEXT   NOT NULL,
	tier         TEXT   NOT NULL,
	token_format TEXT   NOT NULL,
	created_at   BIGINT NOT NULL,

	UNIQUE (org_id, owner_id, name)
);

CREATE TABLE keys (
	consumer_key   TEXT    PRIMARY KEY,
	application_id TEXT    NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
	type           TEXT    NOT NULL,
	grants         TEXT    NOT NULL,
	callbacks      TEXT    NOT NULL,
	format         TEXT    NOT NULL,
	algorithm      TEXT    NOT NULL,
	access_s       BIGINT  NOT NULL, -- -1 means never expires
	refresh_s      BIGINT  NOT NULL,
	grace_s        BIGINT  NOT NULL,
	revokes_before BOOLEAN NOT NULL,
	metadata       TEXT    NOT NULL, -- client metadata as JSON
	created_at     BIGINT  NOT NULL,

	UNIQUE (application_id, type)
);

CREATE TABLE secrets (
	id           TEXT   PRIMARY KEY,
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	name         TEXT   NOT NULL,
	hash         TEXT   NOT NULL, -- never the secret itself
	hint         TEXT   NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	last_used_at BIGINT NOT NULL
);
CREATE INDEX secrets_by_key ON secrets (consumer_key);

CREATE TABLE subscriptions (
	id             TEXT   PRIMARY KEY,
	org_id         TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
	api_id         TEXT   NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
	tier           TEXT   NOT NULL,
	state          TEXT   NOT NULL,
	created_at     BIGINT NOT NULL,

	UNIQUE (application_id, api_id)
);
CREATE INDEX subscriptions_by_api ON subscriptions (api_id);

CREATE TABLE refresh_tokens (
	hash         TEXT   PRIMARY KEY, -- never the token itself
	family       TEXT   NOT NULL,
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_key      TEXT   NOT NULL,
	carries      TEXT   NOT NULL, -- scopes and what else goes on through the family, as JSON
	issued_at    BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	family_end   BIGINT NOT NULL,
	rotated_at   BIGINT NOT NULL,
	replay       TEXT   NOT NULL -- base64 of the sealed answer it gave
);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_by_key ON refresh_tokens (consumer_key);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

CREATE TABLE access_tokens ( -- opaque ones; a JWT has no row
	hash       TEXT   PRIMARY KEY, -- never the token itself
	says       TEXT   NOT NULL,    -- the authorization as JSON
	expires_at BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

CREATE TABLE revocations (
	kind       TEXT   NOT NULL,
	id         TEXT   NOT NULL,
	at         BIGINT NOT NULL,
	access_end BIGINT NOT NULL, -- of the last access token it names
	until_at   BIGINT NOT NULL, -- the end of the last refresh token it names

	PRIMARY KEY (kind, id)
);
CREATE INDEX revocations_by_access_end ON revocations (access_end);
CREATE INDEX revocations_by_end ON revocations (until_at);

CREATE TABLE signing_keys (
	id         TEXT   PRIMARY KEY,
	algorithm  TEXT   NOT NULL,
	sealed     TEXT   NOT NULL, -- PKCS #8, sealed under the master key, base64
	created_at BIGINT NOT NULL
);

CREATE TABLE changes (
	seq  BIGINT PRIMARY KEY,
	noun TEXT   NOT NULL,
	id   TEXT   NOT NULL,
	at   BIGINT NOT NULL
);
