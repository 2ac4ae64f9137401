-- How the gateway treats the calls of an API, as JSON.
ALTER TABLE apis ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
