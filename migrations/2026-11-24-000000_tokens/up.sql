-- Registered programs. The secret has 256 random bits, so that one SHA-256 keeps it; grants and scopes have spaces between.
CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    secret_changed_at TIMESTAMP NOT NULL
);

-- Which scopes a role allows.
CREATE TABLE role_scopes (
    role TEXT NOT NULL,
    scope TEXT NOT NULL,
    PRIMARY KEY (role, scope)
);

-- A session of a program is a family of refresh tokens: one live token at a time, and those used before it.
CREATE TABLE refresh_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    family_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id TEXT,
    scope TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP,
    superseded_at TIMESTAMP,
    successor_hash TEXT,
    successor_sealed TEXT,
    successor_at TIMESTAMP,
    successors_lost BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX refresh_tokens_family_id ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_created_at ON refresh_tokens (created_at);
CREATE INDEX refresh_tokens_successor_at ON refresh_tokens (successor_at) WHERE successor_sealed IS NOT NULL;

-- What happened that an administrator may want to know later. No name, no secret: ids only.
CREATE TABLE audit_events (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    user_id BIGINT,
    client_id TEXT,
    session_id TEXT,
    network_address TEXT,
    detail TEXT
);

CREATE INDEX audit_events_happened_at ON audit_events (happened_at);

-- `expires_at`: the end of a session that was made for a fixed time. `signing_kid` and, while its last token lives, `earlier_kid`:
-- which keys its live tokens were signed with.
ALTER TABLE sessions ADD COLUMN scope TEXT;
ALTER TABLE sessions ADD COLUMN expires_at TIMESTAMP;
ALTER TABLE sessions ADD COLUMN signing_kid TEXT;
ALTER TABLE sessions ADD COLUMN earlier_kid TEXT;
ALTER TABLE sessions ADD COLUMN earlier_access_until TIMESTAMP;
ALTER TABLE sessions ADD COLUMN proxy_secret_hash TEXT;

CREATE UNIQUE INDEX sessions_proxy_secret_hash ON sessions (proxy_secret_hash);
CREATE INDEX sessions_live ON sessions (user_id, kind, client_id, created_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_client_id ON sessions (client_id) WHERE ended_at IS NULL;

-- When a key begins to sign; it is published before.
ALTER TABLE signing_keys ADD COLUMN signs_from TIMESTAMP;
