-- The position of a refresh token in its family, from 1; 0 in rows of releases before this column. The index replaces the one on
-- the family alone.
ALTER TABLE refresh_tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id, generation);
DROP INDEX refresh_tokens_family_id;

-- Sessions of clients that act for themselves are deleted soon after their one token has expired. With user_id in the index, SQLite
-- prefers it to the one on user_id alone.
CREATE INDEX sessions_without_user ON sessions (user_id, access_until) WHERE user_id IS NULL;
