DROP INDEX sessions_without_user;
CREATE INDEX refresh_tokens_family_id ON refresh_tokens (family_id);
DROP INDEX refresh_tokens_family;
ALTER TABLE refresh_tokens DROP COLUMN generation;
