DROP TABLE outbox;
DROP INDEX audit_events_user_id;
ALTER TABLE links DROP COLUMN roles;
ALTER TABLE links DROP COLUMN email;
ALTER TABLE sessions DROP COLUMN is_remembered;
DROP INDEX users_email_key;
ALTER TABLE users DROP COLUMN email_verified_at;
ALTER TABLE users DROP COLUMN email_key;
ALTER TABLE users DROP COLUMN language;
