//! The granted scopes: the requested ones that the user's roles and the client allow (RFC 6749 §3.3).

use diesel::QueryResult;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::users;

/// The requested scopes that a user with these roles may have through this client. `None` when scopes are requested and
/// none is allowed.
pub(super) fn granted(
    conn: &mut DbConnection,
    requested: &Scopes,
    roles: &[String],
    client: Option<&Client>,
) -> QueryResult<Option<Scopes>> {
    if requested.is_empty() {
        return Ok(Some(Scopes::default()));
    }
    let granted = allowed(requested, &users::list_role_scopes(conn, roles)?, client);
    Ok((!granted.is_empty()).then_some(granted))
}

/// Those of `scopes` that the scopes of the user's roles and this client allow.
#[must_use]
pub fn allowed(scopes: &Scopes, role_scopes: &Scopes, client: Option<&Client>) -> Scopes {
    let by_roles = scopes.intersection(role_scopes);
    match client {
        Some(client) => by_roles.intersection(&client.scopes),
        None => by_roles,
    }
}
