-- Counts the transactions that changed who may do what: a session ended, or a user, role or client was changed. Other
-- processes read it twice a second, and read again what they keep in memory when it has changed.
INSERT INTO counters (name, value) VALUES ('state_changes', 0);
