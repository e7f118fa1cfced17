-- How often an event happened. More than once only in failed sign-ins, which have one row for each account, network and day.
ALTER TABLE audit_events ADD COLUMN occurrences BIGINT NOT NULL DEFAULT 1;
