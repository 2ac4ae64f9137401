-- The last calls of APIs, for those who ask why they were answered as they were. They are
-- kept for an hour.
CREATE TABLE calls (
	id             TEXT   PRIMARY KEY,
	org_key        TEXT   NOT NULL,
	api_id         TEXT   NOT NULL,
	application_id TEXT   NOT NULL,
	says           TEXT   NOT NULL, -- the call as JSON
	at             BIGINT NOT NULL
);
CREATE INDEX calls_by_application ON calls (application_id, at);
CREATE INDEX calls_by_api ON calls (api_id, at);
CREATE INDEX calls_by_time ON calls (at);
