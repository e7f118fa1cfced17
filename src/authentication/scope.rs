//! Which scopes are granted: what is requested, as far as the user's roles and the program allow it, never more (RFC 6749 §3.3).
//! What may not live here: what a scope is (`crate::scope`).

use diesel::QueryResult;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::users;

/// Of the requested scopes those that a user with these roles may have through this program; `None` when some are requested and none is
/// left.
pub(super) fn granted(
    conn: &mut DbConnection,
    requested: &Scopes,
    roles: &[String],
    client: Option<&Client>,
) -> QueryResult<Option<Scopes>> {
    let granted = allowed(conn, requested, roles, client)?;
    Ok((requested.is_empty() || !granted.is_empty()).then_some(granted))
}

/// Of these scopes those that a user with these roles may have through this program now.
pub(super) fn allowed(
    conn: &mut DbConnection,
    scopes: &Scopes,
    roles: &[String],
    client: Option<&Client>,
) -> QueryResult<Scopes> {
    if scopes.is_empty() {
        return Ok(Scopes::default());
    }
    let of_roles = scopes.intersection(&users::list_role_scopes(conn, roles)?);
    Ok(client.map_or_else(|| of_roles.clone(), |client| of_roles.intersection(&client.scopes)))
}
