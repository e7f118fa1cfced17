-- An address is confirmed for one account only. Of accounts that share one, the earliest keeps it; the others have to confirm theirs
-- again, which they can only after it is free.
UPDATE users SET email_verified_at = NULL
WHERE email_verified_at IS NOT NULL AND EXISTS (
    SELECT 1 FROM users AS other
    WHERE other.email_key = users.email_key AND other.email_verified_at IS NOT NULL
        AND (other.created_at < users.created_at OR (other.created_at = users.created_at AND other.id < users.id))
);

CREATE UNIQUE INDEX users_verified_email_key ON users (email_key) WHERE email_verified_at IS NOT NULL;
