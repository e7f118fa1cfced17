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
    let granted = allowed(conn, requested, roles, client)?;
    Ok((requested.is_empty() || !granted.is_empty()).then_some(granted))
}

/// Those of `scopes` that a user with these roles may have through this client now.
pub fn allowed(
    conn: &mut DbConnection,
    scopes: &Scopes,
    roles: &[String],
    client: Option<&Client>,
) -> QueryResult<Scopes> {
    if scopes.is_empty() {
        return Ok(Scopes::default());
    }
    let by_roles = scopes.intersection(&users::list_role_scopes(conn, roles)?);
    Ok(client.map_or_else(|| by_roles.clone(), |client| by_roles.intersection(&client.scopes)))
}
