//! All SQL on sessions.

mod by_user;
mod cleaning;
mod ending;
mod holders;
mod key_usage;
pub(crate) mod owned;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;

use super::{EndReason, Session, SessionIssue, SessionKind, SessionOrigin, lifetimes, proxy_secret};
use crate::clock::{Moment, latest_past};
use crate::db::schema::sessions;
use crate::db::{DbConnection, prepared, update_where};
use crate::scope::Scopes;
use crate::secret::{PlainSecret, SecretHash};
use crate::users::UserId;
pub(super) use by_user::find_origin;
pub use by_user::{
    SessionWithOrigin, list_clients_with_sessions, list_unended_of_user, list_users_with_sessions, list_with_origin,
};
pub use cleaning::{delete, list_ended, list_expired, list_expired_of_clients};
pub use ending::{end, end_all_of_client, end_all_of_user, end_of_user, end_others_of_user, end_surplus};
pub use holders::{MAX_LISTED, delete_stale_holders, get_holders, is_revoked_by_holder};
pub(super) use holders::{bound_listed, count_changes, list_owners, list_revoked_holders};
pub use key_usage::{KeyUsage, get_key_usage};
pub use owned::{OwnedRow, find_owned, find_owned_by_proxy_secret, find_owned_by_secret};

/// The `amr` value (RFC 8176 §2) of a session that was started with a password; other sessions have none.
const AMR_PASSWORD: &str = "pwd";

/// A row of the table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    id: String,
    kind: String,
    user_id: Option<i64>,
    client_id: Option<String>,
    scope: Option<String>,
    signing_kid: Option<String>,
    created_at: Moment,
    authenticated_at: Moment,
    last_used_at: Moment,
    access_until: Moment,
    expires_at: Option<Moment>,
    ended_at: Option<Moment>,
    is_remembered: bool,
}

impl SessionRow {
    /// `None` for a kind that only a newer release knows.
    fn into_session(self) -> Option<Session> {
        Some(Session {
            id: self.id,
            kind: SessionKind::from_str(&self.kind)?,
            user_id: self.user_id.map(UserId),
            client_id: self.client_id,
            scope: self.scope.and_then(|text| Scopes::parse(&text)).unwrap_or_default(),
            signing_kid: self.signing_kid,
            created_at: self.created_at,
            authenticated_at: self.authenticated_at,
            last_used_at: self.last_used_at,
            access_until: self.access_until,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
            is_remembered: self.is_remembered,
        })
    }
}

pub(super) fn insert(
    conn: &mut DbConnection,
    session: &Session,
    secret: Option<&PlainSecret>,
    origin: &SessionOrigin,
) -> QueryResult<()> {
    let has_password = matches!(session.kind, SessionKind::Browser | SessionKind::PasswordGrant);
    let [hash, proxy_hash] = [secret.map(PlainSecret::hash), secret.map(|secret| proxy_secret(secret).hash())];
    let values = (
        sessions::id.eq(&session.id),
        sessions::kind.eq(session.kind.as_str()),
        sessions::user_id.eq(session.user_id.map(|id| id.0)),
        sessions::client_id.eq(&session.client_id),
        sessions::scope.eq(session.scope.to_string()),
        sessions::signing_kid.eq(&session.signing_kid),
        sessions::secret_hash.eq(hash.as_ref().map(SecretHash::as_str)),
        sessions::proxy_secret_hash.eq(proxy_hash.as_ref().map(SecretHash::as_str)),
        sessions::amr.eq(if has_password { AMR_PASSWORD } else { "" }),
        sessions::created_at.eq(session.created_at),
        sessions::authenticated_at.eq(session.authenticated_at),
        sessions::last_used_at.eq(session.last_used_at),
        sessions::access_until.eq(session.access_until),
        sessions::expires_at.eq(session.expires_at),
        sessions::is_remembered.eq(session.is_remembered),
        sessions::has_holders.eq(session.kind != SessionKind::Script),
        sessions::network_address.eq(&origin.network_address),
        sessions::user_agent.eq(&origin.user_agent),
    );
    prepared!(conn, diesel::insert_into(sessions::table).values(values), execute).map(drop)
}

/// Finds a session by its ID, even if it has ended.
pub fn find(conn: &mut DbConnection, id: &str) -> QueryResult<Option<Session>> {
    let row = prepared!(conn, sessions::table.find(id).select(SessionRow::as_select()), get_result);
    Ok(row.optional()?.and_then(SessionRow::into_session))
}

/// Finds a browser session by the hash of its secret, even if it has ended.
pub fn find_by_secret(conn: &mut DbConnection, hash: &SecretHash) -> QueryResult<Option<Session>> {
    let row = sessions::table
        .filter(sessions::secret_hash.eq(hash.as_str()))
        .select(SessionRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.and_then(SessionRow::into_session))
}

/// Finds a browser session by the hash of its proxy cookie's secret, even if it has ended.
pub fn find_by_proxy_secret(conn: &mut DbConnection, hash: &SecretHash) -> QueryResult<Option<Session>> {
    let row = sessions::table
        .filter(sessions::proxy_secret_hash.eq(hash.as_str()))
        .select(SessionRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.and_then(SessionRow::into_session))
}

/// Sets the proxy cookie's secret of a session that has none, as in sessions of releases before the proxy cookie.
pub fn set_proxy_secret(conn: &mut DbConnection, id: &str, secret: &PlainSecret) -> QueryResult<()> {
    let row = sessions::table.find(id).filter(sessions::proxy_secret_hash.is_null());
    diesel::update(row).set(sessions::proxy_secret_hash.eq(secret.hash().as_str())).execute(conn).map(drop)
}

/// Lists the ended sessions whose access tokens a verifier may still accept, as (session ID, expiry of the last token),
/// without those that an entry of their holder covers.
pub fn list_revoked(conn: &mut DbConnection, now: Moment) -> QueryResult<Vec<(String, Moment)>> {
    let rejected_by_all = lifetimes::rejected_if_expired_at(now);
    sessions::table
        .filter(sessions::ended_at.is_not_null().and(sessions::unlisted_at.is_null()))
        .filter(sessions::access_until.gt(rejected_by_all))
        .select((sessions::id, sessions::access_until))
        .load(conn)
}

/// Lists a registered client's sessions that have not ended, those of its users included; some may have expired.
pub fn list_unended_of_client(conn: &mut DbConnection, client_id: &str, limit: i64) -> QueryResult<Vec<Session>> {
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::client_id.eq(client_id).and(sessions::ended_at.is_null()))
        .limit(limit)
        .select(SessionRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(SessionRow::into_session).collect())
}

/// Finds the reason why a session ended; `None` if it has not, or if only a newer release knows the reason.
pub fn find_end_reason(conn: &mut DbConnection, id: &str) -> QueryResult<Option<EndReason>> {
    let reason: Option<Option<String>> =
        sessions::table.find(id).select(sessions::end_reason).first(conn).optional()?;
    Ok(reason.flatten().and_then(|text| EndReason::from_str(&text)))
}

/// Records that a session is used, and corrects the start of one that was started while the clock was ahead. Returns
/// `false` if it has ended.
pub fn set_used(conn: &mut DbConnection, id: &str, now: Moment) -> QueryResult<bool> {
    let is_ahead = sessions::created_at.gt(latest_past(now));
    let created_at = case_when(is_ahead, now.into_sql::<Timestamp>()).otherwise(sessions::created_at);
    let row = sessions::id.eq(id).and(sessions::ended_at.is_null());
    let used = (sessions::last_used_at.eq(now), sessions::created_at.eq(created_at));
    Ok(prepared!(conn, update_where(used, row), execute)? == 1)
}

/// Records that an access token is issued. Returns `false` if the session has ended, which gets no new token.
pub fn record_issue(conn: &mut DbConnection, issue: &SessionIssue) -> QueryResult<bool> {
    let row = sessions::id.eq(&issue.session_id).and(sessions::ended_at.is_null());
    let Some(update) = &issue.update else {
        return prepared!(conn, diesel::select(diesel::dsl::exists(sessions::table.filter(row))), get_result);
    };
    let issued = (
        sessions::access_until.eq(update.access_until),
        sessions::last_used_at.eq(update.last_used_at),
        sessions::created_at.eq(update.created_at),
    );
    let count = match &update.earlier {
        None => prepared!(conn, update_where(issued, row), execute)?,
        Some(earlier) => {
            let keys = (
                sessions::signing_kid.eq(&update.signing_kid),
                sessions::earlier_kid.eq(&earlier.kid),
                sessions::earlier_access_until.eq(earlier.access_until),
            );
            prepared!(conn, update_where((issued, keys), row), execute)?
        }
    };
    Ok(count == 1)
}
