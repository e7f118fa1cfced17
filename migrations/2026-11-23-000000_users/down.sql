DROP TABLE links;
DROP TABLE user_roles;
DROP TABLE users;
DROP TABLE counters;
