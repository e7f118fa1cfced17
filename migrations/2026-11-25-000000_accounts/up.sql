-- The language a person chose, as a tag of locales/; the canonical form of their address, by which alone it is looked up; and when a
-- mail to it was answered, which is the only proof that it is theirs.
ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN email_key TEXT;
ALTER TABLE users ADD COLUMN email_verified_at TIMESTAMP;

CREATE INDEX users_email_key ON users (email_key);

-- Whether the person asked to be remembered at this browser.
ALTER TABLE sessions ADD COLUMN is_remembered BOOLEAN NOT NULL DEFAULT FALSE;

-- The address that a link proves or was sent to; of an invitation, the roles it gives, with spaces between.
ALTER TABLE links ADD COLUMN email TEXT;
ALTER TABLE links ADD COLUMN roles TEXT;

CREATE INDEX audit_events_user_id ON audit_events (user_id, happened_at);

-- Mails that wait to be sent. The message is sealed: there may be a one-time link in it. A row goes when its mail has.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BIGINT,
    message_sealed TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    next_try_at TIMESTAMP NOT NULL,
    claimed_until TIMESTAMP,
    tries BIGINT NOT NULL DEFAULT 0,
    last_error TEXT
);

CREATE INDEX outbox_next_try_at ON outbox (next_try_at);
