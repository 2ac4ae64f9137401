-- What administrators say about calls: tiers of their own, and who is kept out.

CREATE TABLE tiers (
	id           TEXT   PRIMARY KEY,
	org_id       TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	level        TEXT   NOT NULL,
	name         TEXT   NOT NULL,
	display_name TEXT   NOT NULL,
	description  TEXT   NOT NULL,
	terms        TEXT   NOT NULL, -- limits and condition groups, as JSON
	created_at   BIGINT NOT NULL,

	UNIQUE (org_id, level, name)
);

CREATE TABLE deny_policies (
	id         TEXT    PRIMARY KEY,
	org_id     TEXT    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	kind       TEXT    NOT NULL,
	value      TEXT    NOT NULL,
	invert     BOOLEAN NOT NULL,
	active     BOOLEAN NOT NULL,
	created_at BIGINT  NOT NULL,

	UNIQUE (org_id, kind, value, invert)
);
