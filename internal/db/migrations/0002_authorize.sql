-- What happens on the way to a token through a browser (docs/decisions/0010).

ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';

CREATE TABLE pending (
	hash         TEXT   PRIMARY KEY, -- never the handle itself
	kind         TEXT   NOT NULL,
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	says         TEXT   NOT NULL,
	expires_at   BIGINT NOT NULL
);
CREATE INDEX pending_by_key ON pending (consumer_key);
CREATE INDEX pending_by_end ON pending (expires_at);

CREATE TABLE codes (
	hash         TEXT   PRIMARY KEY, -- never the code itself
	family       TEXT   NOT NULL,
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_key      TEXT   NOT NULL,
	binds        TEXT   NOT NULL, -- what it is bound to, as JSON
	issued_at    BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	used_at      BIGINT NOT NULL
);
CREATE INDEX codes_by_key ON codes (consumer_key);
CREATE INDEX codes_by_user ON codes (user_id);
CREATE INDEX codes_by_end ON codes (expires_at);

CREATE TABLE consents (
	user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	scopes       TEXT   NOT NULL,
	at           BIGINT NOT NULL,

	PRIMARY KEY (user_id, consumer_key)
);
CREATE INDEX consents_by_key ON consents (consumer_key);

CREATE TABLE session_clients ( -- who is told when a session ends
	sid          TEXT   NOT NULL,
	consumer_key TEXT   NOT NULL REFERENCES keys (consumer_key) ON DELETE CASCADE,
	user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	expires_at   BIGINT NOT NULL,

	PRIMARY KEY (sid, consumer_key)
);
CREATE INDEX session_clients_by_key ON session_clients (consumer_key);
CREATE INDEX session_clients_by_user ON session_clients (user_id);
CREATE INDEX session_clients_by_end ON session_clients (expires_at);
