DROP INDEX user_roles_role;
ALTER TABLE users DROP COLUMN new_password_required_at;
