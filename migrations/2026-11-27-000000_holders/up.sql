-- The holders of tokens: a user, a client, or the users of a client, under a random ID, because it is published and must
-- not tell whose it is.
-- Tokens carry the ID and the generation. Those of an earlier generation than this one are revoked until the last of
-- them, which expires at `access_until`, has expired; NULL if there was no earlier one. No foreign key on the client:
-- the row outlives it.
CREATE TABLE token_holders (
    id TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT UNIQUE REFERENCES users (id),
    client_id TEXT,
    is_for_users BOOLEAN NOT NULL,
    generation BIGINT NOT NULL,
    access_until TIMESTAMP
);

CREATE UNIQUE INDEX token_holders_client_id ON token_holders (client_id, is_for_users);

CREATE INDEX token_holders_access_until ON token_holders (access_until) WHERE access_until IS NOT NULL;

-- `has_holders`: all tokens of the session carry their holders, as those of this release do. `unlisted_at`: when a new
-- generation of its holder replaced the ended session's own entry in the list of revoked sessions.
ALTER TABLE sessions ADD COLUMN has_holders BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE sessions ADD COLUMN unlisted_at TIMESTAMP;

CREATE INDEX sessions_listed ON sessions (access_until) WHERE ended_at IS NOT NULL AND unlisted_at IS NULL;
CREATE INDEX sessions_listed_user ON sessions (user_id, access_until) WHERE ended_at IS NOT NULL AND unlisted_at IS NULL;
CREATE INDEX sessions_listed_client ON sessions (client_id, access_until) WHERE ended_at IS NOT NULL AND unlisted_at IS NULL;

-- Counts the new generations: together with the number of listed sessions it shows whether the list has changed.
INSERT INTO counters (name, value) VALUES ('holder_generations', 0);
