-- One row a bucket: an HMAC of what is counted, never a name or an address in the clear.
CREATE TABLE login_attempts (
    bucket TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    failures BIGINT NOT NULL,
    in_flight BIGINT NOT NULL,
    window_started_at TIMESTAMP NOT NULL,
    last_tried_at TIMESTAMP NOT NULL,
    last_failed_at TIMESTAMP NOT NULL
);

CREATE INDEX login_attempts_account ON login_attempts (account);
CREATE INDEX login_attempts_last_tried_at ON login_attempts (last_tried_at);

-- Browsers and networks from which an account signed in: also HMACs.
CREATE TABLE known_devices (
    id TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP NOT NULL
);

CREATE INDEX known_devices_user_id ON known_devices (user_id);
CREATE INDEX known_devices_last_used_at ON known_devices (last_used_at);
