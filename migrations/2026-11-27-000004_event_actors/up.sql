-- `actor`: who caused the event: `user` (`actor_user_id` says which), `command` or `server`; NULL for anyone who sent a request.
-- `reason`: why a sign-in failed or was rejected.
ALTER TABLE audit_events ADD COLUMN actor TEXT;
ALTER TABLE audit_events ADD COLUMN actor_user_id BIGINT;
ALTER TABLE audit_events ADD COLUMN reason TEXT;

-- Lists of all events, of one kind, and of what one user did, each newest first.
DROP INDEX audit_events_happened_at;
CREATE INDEX audit_events_happened_at ON audit_events (happened_at, id);
CREATE INDEX audit_events_kind ON audit_events (kind, happened_at, id);
CREATE INDEX audit_events_actor ON audit_events (actor_user_id, happened_at, id);
