CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id),
    client_id TEXT,
    secret_hash TEXT UNIQUE,
    amr TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    authenticated_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP NOT NULL,
    access_until TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    end_reason TEXT,
    network_address TEXT,
    user_agent TEXT
);

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_ended ON sessions (access_until) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_last_used_at ON sessions (last_used_at);

CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_key_sealed TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP
);
