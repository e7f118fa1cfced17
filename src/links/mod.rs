//! One-time links: one purpose, one use, short-lived, stored as a hash.
//! `store.rs` holds the rows. What may not live here: what a link lets its holder do, and the pages it opens.

mod store;

use chrono::TimeDelta;
use diesel::QueryResult;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::secret::{PlainSecret, random_id};
use crate::users::UserId;
pub use store::delete_expired;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Makes the first admin; dead once there is one.
    Setup,
    /// Lets an admin who is locked out choose a new password.
    Rescue,
    /// Lets a user choose a new password.
    Reset,
    /// Proves that an address is a user's.
    Verify,
    /// Makes an account for somebody whom an admin invites.
    Invite,
    /// Makes an account for somebody who asked for one and has the address that it was mailed to.
    Register,
}

impl LinkPurpose {
    const ALL: [Self; 6] = [Self::Setup, Self::Rescue, Self::Reset, Self::Verify, Self::Invite, Self::Register];

    fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Rescue => "rescue",
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::Invite => "invite",
            Self::Register => "register",
        }
    }

    fn from_str(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    fn life(self) -> TimeDelta {
        match self {
            Self::Setup | Self::Rescue => TimeDelta::hours(1),
            Self::Reset => TimeDelta::minutes(30),
            Self::Verify | Self::Register => TimeDelta::hours(24),
            Self::Invite => TimeDelta::days(7),
        }
    }
}

/// A link that exists, was not used and has not expired.
#[derive(Clone, Debug)]
pub struct Link {
    /// Not a secret: an admin names it to revoke it.
    pub id: String,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whom it is for, when it is for somebody who exists.
    pub user_id: Option<UserId>,
    /// The address that it was mailed to, which whoever answers it has thereby proved.
    pub email: Option<String>,
    /// The roles that it gives.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: Moment,
    /// Until when it can be used.
    pub expires_at: Moment,
}

/// A link to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whom it is for, when it is for somebody who exists.
    pub user_id: Option<UserId>,
    /// The address that it is mailed to.
    pub email: Option<&'a str>,
    /// The roles that it gives; none holds a space.
    pub roles: &'a [String],
}

/// Makes a link; older ones of the same purpose and person die. The caller holds `users::lock_accounts`, so that of several made at
/// once only the newest works.
///
/// # Errors
/// When a query fails.
pub fn create(
    conn: &mut DbConnection,
    purpose: LinkPurpose,
    user_id: Option<UserId>,
    now: Moment,
) -> QueryResult<PlainSecret> {
    create_for(conn, &NewLink { purpose, user_id, email: None, roles: &[] }, now)
}

/// As [`create`], for links that hold more. The person is the user or, while there is none, the address; invitations that name neither
/// are each somebody else's, and live side by side.
///
/// # Errors
/// When a query fails.
pub fn create_for(conn: &mut DbConnection, new: &NewLink<'_>, now: Moment) -> QueryResult<PlainSecret> {
    let (secret, id) = (PlainSecret::generate(), random_id());
    let (hash, purpose) = (secret.hash(), new.purpose.as_str());
    match (new.user_id, new.email) {
        (None, Some(email)) => store::delete_to(conn, purpose, email)?,
        (None, None) if new.purpose == LinkPurpose::Invite => {}
        (user_id, _) => store::delete_of(conn, purpose, user_id)?,
    }
    let row = store::NewRow {
        id: &id,
        purpose,
        secret_hash: hash.as_str(),
        user_id: new.user_id.map(|id| id.0),
        email: new.email,
        roles: (!new.roles.is_empty()).then(|| new.roles.join(" ")),
        created_at: now,
        expires_at: now + new.purpose.life(),
    };
    store::insert(conn, &row)?;
    Ok(secret)
}

/// Finds a link that can still be used, without using it.
///
/// # Errors
/// When the query fails.
pub fn find(conn: &mut DbConnection, secret: &PlainSecret, now: Moment) -> QueryResult<Option<Link>> {
    Ok(store::find_usable(conn, &secret.hash(), now)?.and_then(Link::from_row))
}

/// A user's link of a purpose that can still be used.
///
/// # Errors
/// When the query fails.
pub fn find_of_user(
    conn: &mut DbConnection,
    purpose: LinkPurpose,
    user_id: UserId,
    now: Moment,
) -> QueryResult<Option<Link>> {
    Ok(store::find_usable_of(conn, purpose.as_str(), user_id, now)?.and_then(Link::from_row))
}

/// The links of a purpose that can still be used, the oldest first, at most `limit`.
///
/// # Errors
/// When the query fails.
pub fn list(conn: &mut DbConnection, purpose: LinkPurpose, now: Moment, limit: i64) -> QueryResult<Vec<Link>> {
    let rows = store::list_usable(conn, purpose.as_str(), now, limit)?;
    Ok(rows.into_iter().filter_map(Link::from_row).collect())
}

/// How many links of a purpose can still be used.
///
/// # Errors
/// When the query fails.
pub fn count(conn: &mut DbConnection, purpose: LinkPurpose, now: Moment) -> QueryResult<i64> {
    store::count_usable(conn, purpose.as_str(), now)
}

/// Uses a link up; `false` when somebody else did first.
///
/// # Errors
/// When the query fails.
pub fn use_up(conn: &mut DbConnection, link: &Link, now: Moment) -> QueryResult<bool> {
    store::set_used(conn, &link.id, now)
}

/// Takes a link back before it is used; `false` when there is none of this purpose with this id that can still be used.
///
/// # Errors
/// When the query fails.
pub fn revoke(conn: &mut DbConnection, purpose: LinkPurpose, id: &str, now: Moment) -> QueryResult<bool> {
    store::delete_usable(conn, purpose.as_str(), id, now)
}

/// Takes a user's links of these purposes back.
///
/// # Errors
/// When a query fails.
pub fn revoke_of_user(conn: &mut DbConnection, purposes: &[LinkPurpose], user_id: UserId) -> QueryResult<()> {
    purposes.iter().try_for_each(|purpose| store::delete_of(conn, purpose.as_str(), Some(user_id)))
}

impl Link {
    /// `None` when a newer release made it for something that this one does not know.
    fn from_row(row: store::Row) -> Option<Self> {
        Some(Self {
            purpose: LinkPurpose::from_str(&row.purpose)?,
            id: row.id,
            user_id: row.user_id.map(UserId),
            email: row.email,
            roles: row.roles.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}
