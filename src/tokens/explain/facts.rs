//! What the database holds about a token: its key, its session, whom it speaks for. Read in one go.
//! What may not live here: judging it.

use diesel::QueryResult;

use crate::clients::{self, Client};
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::from_base64url;
use crate::sessions::{self, EndReason, Session};
use crate::tokens::claims::Claims;
use crate::tokens::store::{self, KnownKey};
use crate::users::{self, User};

/// What the database holds about a token.
#[derive(Default)]
pub(super) struct Facts {
    /// The key that it names.
    pub key: Option<KnownKey>,
    /// The session that it names, ended or not.
    pub session: Option<Session>,
    /// Why that ended, if it was ended and this release knows the reason.
    pub end_reason: Option<EndReason>,
    /// The user that it names, deleted or not.
    pub user: Option<User>,
    /// Their roles now.
    pub roles: Vec<String>,
    /// The program that it names.
    pub client: Option<Client>,
    /// The scopes that these roles and the program allow now.
    pub allowed: Scopes,
}

impl Facts {
    /// Reads them. What a forger may have written, such as U+0000, is not asked for: Postgres would fail instead of finding nothing.
    pub fn read(conn: &mut DbConnection, kid: Option<&str>, claims: Option<&Claims>) -> QueryResult<Self> {
        let mut facts = Self::default();
        if let Some(kid) = kid.filter(|kid| kid.len() <= 64 && from_base64url(kid).is_some()) {
            facts.key = store::find_known(conn, kid)?;
        }
        let Some(claims) = claims else { return Ok(facts) };
        if sessions::is_id(&claims.sid) {
            facts.session = sessions::find(conn, &claims.sid)?;
            facts.end_reason = sessions::find_end_reason(conn, &claims.sid)?;
        }
        if let Some(id) = claims.client_id.as_deref().filter(|id| clients::is_id(id)) {
            facts.client = clients::find(conn, id)?;
        }
        match claims.id {
            Some(id) => {
                facts.user = users::find_by_id(conn, id)?;
                facts.roles = users::list_roles(conn, id)?;
                facts.allowed = users::list_role_scopes(conn, &facts.roles)?;
                if let Some(client) = &facts.client {
                    facts.allowed = facts.allowed.intersection(&client.scopes);
                }
            }
            None => facts.allowed = facts.client.as_ref().map(|client| client.scopes.clone()).unwrap_or_default(),
        }
        Ok(facts)
    }
}
