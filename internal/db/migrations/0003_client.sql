-- What may be used once: client assertions and DPoP proofs, until they would end anyhow.
CREATE TABLE used_once (
	hash       TEXT   PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX used_once_by_end ON used_once (expires_at);
