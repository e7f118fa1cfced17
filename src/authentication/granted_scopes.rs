//! The granted scopes: the requested ones that the user's roles and the client allow (RFC 6749 §3.3).

use crate::clients::Client;
use crate::scope::Scopes;

/// The requested scopes that a user whose roles allow `role_scopes` may have through this client. `None` when scopes are
/// requested and none is allowed.
#[must_use]
pub(super) fn granted(requested: &Scopes, role_scopes: &Scopes, client: Option<&Client>) -> Option<Scopes> {
    let granted = allowed(requested, role_scopes, client);
    Some(granted).filter(|granted| requested.is_empty() || !granted.is_empty())
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
