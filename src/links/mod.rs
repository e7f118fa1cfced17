//! One-time links: one purpose, one use, a short lifetime, stored as a hash.

mod store;

use chrono::TimeDelta;
use diesel::QueryResult;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::secret::{PlainSecret, random_id};
use crate::users::UserId;
pub use store::{delete_expired, use_unstored_once};

/// The purpose of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Creates the first admin; invalid once there is one.
    Setup,
    /// Lets an admin who is locked out set a new password.
    Rescue,
    /// Lets a user set a new password.
    Reset,
    /// Lets a new user set their first password; mailed by an admin.
    Welcome,
    /// Confirms that a user owns an email address.
    Verify,
    /// Creates an account on an admin's invitation.
    Invite,
}

impl LinkPurpose {
    const ALL: [Self; 6] = [Self::Setup, Self::Rescue, Self::Reset, Self::Welcome, Self::Verify, Self::Invite];

    fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Rescue => "rescue",
            Self::Reset => "reset",
            Self::Welcome => "welcome",
            Self::Verify => "verify",
            Self::Invite => "invite",
        }
    }

    fn from_str(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    fn lifetime(self) -> TimeDelta {
        match self {
            Self::Setup | Self::Rescue => TimeDelta::hours(1),
            Self::Reset => TimeDelta::minutes(30),
            Self::Verify => TimeDelta::hours(24),
            Self::Invite | Self::Welcome => TimeDelta::days(7),
        }
    }
}

/// A link that was neither used nor has expired.
#[derive(Clone, Debug)]
pub struct Link {
    /// The ID by which an admin can revoke it; not a secret.
    pub id: String,
    /// The purpose.
    pub purpose: LinkPurpose,
    /// The user it is for; `None` if the account does not exist yet.
    pub user_id: Option<UserId>,
    /// The address that it was mailed to; using the link proves that the user owns it.
    pub email: Option<String>,
    /// The roles that the new account gets.
    pub roles: Vec<String>,
    /// When it was created.
    pub created_at: Moment,
    /// When it expires.
    pub expires_at: Moment,
}

/// The fields of a new link.
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    /// The purpose.
    pub purpose: LinkPurpose,
    /// The user it is for; `None` if the account does not exist yet.
    pub user_id: Option<UserId>,
    /// The address that it is mailed to.
    pub email: Option<&'a str>,
    /// The roles that the new account gets; no name contains a space.
    pub roles: &'a [String],
}

/// Creates a link and deletes older ones of the same purpose and user. The caller holds `users::lock_accounts`: of
/// links created at the same time only the newest is then valid.
pub fn create(
    conn: &mut DbConnection,
    purpose: LinkPurpose,
    user_id: Option<UserId>,
    now: Moment,
) -> QueryResult<PlainSecret> {
    create_for(conn, &NewLink { purpose, user_id, email: None, roles: &[] }, now)
}

/// Creates a link like [`create`], with an address or roles. Without a user, it replaces the older links to the same
/// address; invitations without an address replace none, because each is for another person.
pub fn create_for(conn: &mut DbConnection, new: &NewLink<'_>, now: Moment) -> QueryResult<PlainSecret> {
    let (secret, id) = (PlainSecret::generate(), random_id());
    let (hash, purpose) = (secret.hash(), new.purpose.as_str());
    match (new.user_id, new.email) {
        (None, Some(email)) => store::delete_of_email(conn, purpose, email)?,
        (None, None) if new.purpose == LinkPurpose::Invite => {}
        (user_id, _) => store::delete_of_user(conn, purpose, user_id)?,
    }
    let row = store::NewLinkRow {
        id: &id,
        purpose,
        secret_hash: hash.as_str(),
        user_id: new.user_id.map(|id| id.0),
        email: new.email,
        roles: (!new.roles.is_empty()).then(|| new.roles.join(" ")),
        created_at: now,
        expires_at: now + new.purpose.lifetime(),
    };
    store::insert(conn, &row)?;
    Ok(secret)
}

/// Finds a usable link without using it.
pub fn find(conn: &mut DbConnection, secret: &PlainSecret, now: Moment) -> QueryResult<Option<Link>> {
    Ok(store::find_usable(conn, &secret.hash(), now)?.and_then(Link::from_row))
}

/// Finds a user's usable link of one purpose.
pub fn find_of_user(
    conn: &mut DbConnection,
    purpose: LinkPurpose,
    user_id: UserId,
    now: Moment,
) -> QueryResult<Option<Link>> {
    Ok(store::find_usable_of_user(conn, purpose.as_str(), user_id, now)?.and_then(Link::from_row))
}

/// Lists at most `limit` usable links of one purpose, oldest first.
pub fn list(conn: &mut DbConnection, purpose: LinkPurpose, now: Moment, limit: i64) -> QueryResult<Vec<Link>> {
    let rows = store::list_usable(conn, purpose.as_str(), now, limit)?;
    Ok(rows.into_iter().filter_map(Link::from_row).collect())
}

/// Counts the usable links of one purpose.
pub fn count(conn: &mut DbConnection, purpose: LinkPurpose, now: Moment) -> QueryResult<i64> {
    store::count_usable(conn, purpose.as_str(), now)
}

/// Marks a link as used; `false` if it was used already.
pub fn use_once(conn: &mut DbConnection, link: &Link, now: Moment) -> QueryResult<bool> {
    store::set_used(conn, &link.id, now)
}

/// Revokes a link; `false` if no usable link has this purpose and ID.
pub fn revoke(conn: &mut DbConnection, purpose: LinkPurpose, id: &str, now: Moment) -> QueryResult<bool> {
    store::delete_usable(conn, purpose.as_str(), id, now)
}

/// Revokes a user's links of these purposes.
pub fn revoke_of_user(conn: &mut DbConnection, purposes: &[LinkPurpose], user_id: UserId) -> QueryResult<()> {
    purposes.iter().try_for_each(|purpose| store::delete_of_user(conn, purpose.as_str(), Some(user_id)))
}

impl Link {
    /// `None` for a purpose that only a newer release knows.
    fn from_row(row: store::LinkRow) -> Option<Self> {
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
