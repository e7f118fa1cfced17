//! The database records that a token names: its key, session, user and client.

use diesel::QueryResult;

use crate::clients::{self, Client};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::from_base64url;
use crate::sessions::{self, EndReason, Session};
use crate::tokens::claims::Claims;
use crate::tokens::store::{self, VerificationKey};
use crate::users::{self, User};

/// The records that a token names.
#[derive(Default)]
pub(super) struct Records {
    /// The signing key, even if it is retired.
    pub key: Option<VerificationKey>,
    /// The session, even if it has ended.
    pub session: Option<Session>,
    /// Why the session ended; `None` if it has not, or if only a newer release knows the reason.
    pub end_reason: Option<EndReason>,
    /// Whether a later generation of a holder has revoked the token.
    pub is_revoked_by_holder: bool,
    /// The user, even if they are deleted.
    pub user: Option<User>,
    /// The user's current roles.
    pub roles: Vec<String>,
    /// The client.
    pub client: Option<Client>,
    /// The scopes that the roles and the client currently allow.
    pub allowed_scopes: Scopes,
}

impl Records {
    /// Reads the records. Malformed IDs are skipped: PostgreSQL fails on U+0000 instead of finding no row.
    pub fn read(conn: &mut DbConnection, kid: Option<&str>, claims: Option<&Claims>, now: Moment) -> QueryResult<Self> {
        let mut records = Self::default();
        if let Some(kid) = kid.filter(|kid| kid.len() <= 64 && from_base64url(kid).is_some()) {
            records.key = store::find_verification_key(conn, kid)?;
        }
        let Some(claims) = claims else { return Ok(records) };
        if sessions::is_id(&claims.sid) {
            records.session = sessions::find(conn, &claims.sid)?;
            records.end_reason = sessions::find_end_reason(conn, &claims.sid)?;
        }
        records.is_revoked_by_holder = sessions::is_revoked_by_holder(conn, &claims.holders, now)?;
        if let Some(id) = claims.client_id.as_deref().filter(|id| clients::is_id(id)) {
            records.client = clients::find(conn, id)?;
        }
        let client_scopes = records.client.as_ref().map(|client| &client.scopes);
        match claims.id {
            Some(id) => {
                records.user = users::find_by_id(conn, id)?;
                let (roles, role_scopes) = users::list_roles_with_scopes(conn, id)?;
                records.roles = roles;
                records.allowed_scopes = match client_scopes {
                    Some(client_scopes) => role_scopes.intersection(client_scopes),
                    None => role_scopes,
                };
            }
            None => records.allowed_scopes = client_scopes.cloned().unwrap_or_default(),
        }
        Ok(records)
    }
}
