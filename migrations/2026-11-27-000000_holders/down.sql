DELETE FROM counters WHERE name = 'holder_generations';
DROP INDEX sessions_listed_client;
DROP INDEX sessions_listed_user;
DROP INDEX sessions_listed;
ALTER TABLE sessions DROP COLUMN unlisted_at;
ALTER TABLE sessions DROP COLUMN has_holders;
DROP TABLE token_holders;
