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
}

impl LinkPurpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Rescue => "rescue",
        }
    }

    fn from_str(text: &str) -> Option<Self> {
        [Self::Setup, Self::Rescue].into_iter().find(|purpose| purpose.as_str() == text)
    }

    fn life(self) -> TimeDelta {
        match self {
            Self::Setup | Self::Rescue => TimeDelta::hours(1),
        }
    }
}

/// A link that exists, was not used and has not expired.
#[derive(Clone, Debug)]
pub struct Link {
    id: String,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whom it is for, when it is for somebody who exists.
    pub user_id: Option<UserId>,
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
    let (secret, id) = (PlainSecret::generate(), random_id());
    let hash = secret.hash();
    let link = store::NewLink {
        id: &id,
        purpose: purpose.as_str(),
        secret_hash: hash.as_str(),
        user_id: user_id.map(|id| id.0),
        created_at: now,
        expires_at: now + purpose.life(),
    };
    store::delete_of(conn, purpose.as_str(), user_id)?;
    store::insert(conn, &link)?;
    Ok(secret)
}

/// Finds a link that can still be used, without using it.
///
/// # Errors
/// When the query fails.
pub fn find(conn: &mut DbConnection, secret: &PlainSecret, now: Moment) -> QueryResult<Option<Link>> {
    let row = store::find_usable(conn, &secret.hash(), now)?;
    Ok(row.and_then(|(id, purpose, user_id)| {
        Some(Link { id, purpose: LinkPurpose::from_str(&purpose)?, user_id: user_id.map(UserId) })
    }))
}

/// Uses a link up; `false` when somebody else did first.
///
/// # Errors
/// When the query fails.
pub fn use_up(conn: &mut DbConnection, link: &Link, now: Moment) -> QueryResult<bool> {
    store::set_used(conn, &link.id, now)
}
