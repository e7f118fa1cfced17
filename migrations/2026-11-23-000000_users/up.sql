-- Runs on SQLite and on Postgres as it stands: see the portable subset in docs/database.md.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- The last user id given out, whether the first signing key was made, when housekeeping last ran (seconds since 1970):
-- each changed by conditional updates only.
INSERT INTO counters (name, value) VALUES ('last_user_id', 0);
INSERT INTO counters (name, value) VALUES ('signing_keys_made', 0);
INSERT INTO counters (name, value) VALUES ('housekeeping_at', 0);

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    display_name TEXT,
    email TEXT,
    password_hash TEXT,
    password_changed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    last_signed_in_at TIMESTAMP,
    disabled_at TIMESTAMP,
    deleted_at TIMESTAMP
);

CREATE TABLE user_roles (
    user_id BIGINT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    granted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, role)
);

CREATE TABLE links (
    id TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
