-- API keys: of an application, of an API, or of both.

CREATE TABLE api_keys (
	id             TEXT   PRIMARY KEY,
	org_id         TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	owner_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	application_id TEXT   REFERENCES applications (id) ON DELETE CASCADE,
	api_id         TEXT   REFERENCES apis (id) ON DELETE CASCADE,
	type           TEXT   NOT NULL,
	name           TEXT   NOT NULL,
	hash           TEXT   NOT NULL UNIQUE, -- never the key itself
	hint           TEXT   NOT NULL,
	networks       TEXT   NOT NULL,
	referers       TEXT   NOT NULL,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	last_used_at   BIGINT NOT NULL
);
CREATE INDEX api_keys_by_application ON api_keys (application_id);
CREATE INDEX api_keys_by_api ON api_keys (api_id);
CREATE INDEX api_keys_by_owner ON api_keys (owner_id);
