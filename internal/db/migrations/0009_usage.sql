-- How often what was called, by stretches of time: a row is counted up for as long as its
-- stretch lasts. l0 to l13 count calls by how long they took; took is the sum, in microseconds.
CREATE TABLE usage (
	unit           TEXT   NOT NULL,
	at             BIGINT NOT NULL,
	org_id         TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	api_id         TEXT   NOT NULL,
	application_id TEXT   NOT NULL,
	user_id        TEXT   NOT NULL,
	method         TEXT   NOT NULL,
	template       TEXT   NOT NULL,
	class          TEXT   NOT NULL,
	code           TEXT   NOT NULL,
	calls          BIGINT NOT NULL,
	took           BIGINT NOT NULL,
	l0             BIGINT NOT NULL,
	l1             BIGINT NOT NULL,
	l2             BIGINT NOT NULL,
	l3             BIGINT NOT NULL,
	l4             BIGINT NOT NULL,
	l5             BIGINT NOT NULL,
	l6             BIGINT NOT NULL,
	l7             BIGINT NOT NULL,
	l8             BIGINT NOT NULL,
	l9             BIGINT NOT NULL,
	l10            BIGINT NOT NULL,
	l11            BIGINT NOT NULL,
	l12            BIGINT NOT NULL,
	l13            BIGINT NOT NULL,

	PRIMARY KEY (unit, at, org_id, api_id, application_id, user_id, method, template, class, code)
);
CREATE INDEX usage_by_api ON usage (api_id, unit, at);
CREATE INDEX usage_by_application ON usage (application_id, unit, at);
