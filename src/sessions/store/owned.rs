//! SQL that reads a session with its owner in one query.

use diesel::prelude::*;

use super::SessionRow;
use crate::clients::ClientRow;
use crate::db::schema::{clients, sessions};
use crate::db::{DbConnection, prepared};
use crate::secret::SecretHash;
use crate::sessions::OwnedSession;
use crate::users::{self, User, UserRow};

/// One of the rows of a session: each has another pair of role and scope.
pub type OwnedRow = (SessionRow, Option<UserRow>, Option<String>, Option<String>, Option<ClientRow>);

/// Joins the user of a session, with roles and scopes, to a query on `sessions`.
macro_rules! join_user {
    ($query:expr) => {{
        use $crate::db::schema::{role_scopes, sessions, user_roles, users};
        $query
            .left_join(users::table.on(sessions::user_id.eq(users::id.nullable())))
            .left_join(user_roles::table.on(sessions::user_id.eq(user_roles::user_id.nullable())))
            .left_join(role_scopes::table.on(user_roles::role.eq(role_scopes::role)))
    }};
}
pub(crate) use join_user;

/// The columns of an [`OwnedRow`] but those of the client, and more after them.
macro_rules! user_columns {
    ($($more:expr),*) => {
        (
            <$crate::sessions::SessionRow as diesel::SelectableHelper<_>>::as_select(),
            <Option<$crate::users::UserRow> as diesel::SelectableHelper<_>>::as_select(),
            $crate::db::schema::user_roles::role.nullable(),
            $crate::db::schema::role_scopes::scope.nullable(),
            $($more),*
        )
    };
}
pub(crate) use user_columns;

/// [`join_user`], and the client of the session.
macro_rules! join_owner {
    ($query:expr) => {
        join_user!($query).left_join(clients::table.on(sessions::client_id.eq(clients::id.nullable())))
    };
}

impl OwnedSession {
    /// Puts the rows of one session together. `None` for none, and for a kind that only a newer release knows.
    #[must_use]
    pub fn from_rows(rows: Vec<OwnedRow>) -> Option<Self> {
        let (mut first, mut pairs) = (None, Vec::new());
        for (session, user, role, scope, client) in rows {
            pairs.push((role, scope));
            first.get_or_insert((session, user, client));
        }
        let (session, user, client) = first?;
        let (roles, role_scopes) = users::merge_roles(pairs);
        Some(Self {
            session: session.into_session()?,
            user: user.map(User::from),
            client: client.map(Into::into),
            roles,
            role_scopes,
        })
    }
}

/// Finds a session by its ID, even if it has ended, with its owner.
pub fn find_owned(conn: &mut DbConnection, id: &str) -> QueryResult<Option<OwnedSession>> {
    let owned = join_owner!(sessions::table).filter(sessions::id.eq(id));
    let rows = prepared!(conn, owned.select(user_columns!(Option::<ClientRow>::as_select())), load)?;
    Ok(OwnedSession::from_rows(rows))
}

/// Finds a browser session by the hash of its secret, even if it has ended, with its owner.
pub fn find_owned_by_secret(conn: &mut DbConnection, hash: &SecretHash) -> QueryResult<Option<OwnedSession>> {
    let is_session = sessions::secret_hash.eq(hash.as_str());
    let owned = join_owner!(sessions::table).filter(is_session);
    let rows = prepared!(conn, owned.select(user_columns!(Option::<ClientRow>::as_select())), load)?;
    Ok(OwnedSession::from_rows(rows))
}

/// Finds a browser session by the hash of its proxy cookie's secret, even if it has ended, with its owner.
pub fn find_owned_by_proxy_secret(conn: &mut DbConnection, hash: &SecretHash) -> QueryResult<Option<OwnedSession>> {
    let is_session = sessions::proxy_secret_hash.eq(hash.as_str());
    let owned = join_owner!(sessions::table).filter(is_session);
    let rows = prepared!(conn, owned.select(user_columns!(Option::<ClientRow>::as_select())), load)?;
    Ok(OwnedSession::from_rows(rows))
}
