DROP INDEX audit_events_actor;
DROP INDEX audit_events_kind;
DROP INDEX audit_events_happened_at;
CREATE INDEX audit_events_happened_at ON audit_events (happened_at);
ALTER TABLE audit_events DROP COLUMN reason;
ALTER TABLE audit_events DROP COLUMN actor_user_id;
ALTER TABLE audit_events DROP COLUMN actor;
