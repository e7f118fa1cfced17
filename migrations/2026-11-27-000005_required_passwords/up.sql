-- Since when the user must set a new password by a link before they can sign in, because the old one may be known to others.
ALTER TABLE users ADD COLUMN new_password_required_at TIMESTAMP;

-- Users with a role, for lists and for deleting a role.
CREATE INDEX user_roles_role ON user_roles (role, user_id);
