//! The browsers and networks from which an account signed in before: strangers' failures do not lock these out.
//! What may not live here: the cookie (`web::cookies`).

use diesel::QueryResult;

use super::buckets::{self, Names};
use super::{Attempt, Lock, store};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::secret::{DerivedKey, PlainSecret};
use crate::users::{LookupName, User, UserId};

/// The most browsers, and the most networks, that are kept for an account.
const MAX_KNOWN: i64 = 20;
const DEVICE: &str = "device";
const NETWORK: &str = "network";

/// Which of an attempt's browser and network the account knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub device: bool,
    pub network: bool,
}

impl Known {
    pub fn find(conn: &mut DbConnection, names: &Names, now: Moment) -> QueryResult<Self> {
        let wanted = [names.device_id.as_ref().unwrap_or(&names.network_id), &names.network_id];
        let found = store::list_known(conn, wanted, store::known_since(now))?;
        Ok(Self {
            device: names.device_id.as_ref().is_some_and(|id| found.contains(id)),
            network: found.contains(&names.network_id),
        })
    }
}

/// After a sign-in: keeps the network, and for a browser makes a device secret when it has none that is known.
pub(super) fn remember(
    conn: &mut DbConnection,
    key: &DerivedKey,
    sign_in: &SignInPlace<'_>,
    known: Known,
    now: Moment,
) -> QueryResult<Option<PlainSecret>> {
    let SignInPlace { names, user_id, username_key, is_browser } = sign_in;
    keep(conn, &names.network_id, (*user_id, NETWORK), known.network, now)?;
    match &names.device_id {
        Some(id) if known.device => keep(conn, id, (*user_id, DEVICE), true, now).map(|()| None),
        _ if *is_browser => {
            let secret = PlainSecret::generate();
            let id = buckets::device_id(key, username_key, secret.hash().as_str());
            keep(conn, &id, (*user_id, DEVICE), false, now)?;
            Ok(Some(secret))
        }
        _ => Ok(None),
    }
}

/// Who signed in, and where.
pub(super) struct SignInPlace<'a> {
    pub names: &'a Names,
    pub user_id: UserId,
    pub username_key: &'a str,
    pub is_browser: bool,
}

/// Forgets all browsers and networks of an account.
///
/// # Errors
/// When the query fails.
pub fn forget_all(conn: &mut DbConnection, user_id: UserId) -> QueryResult<usize> {
    store::delete_known_of(conn, user_id)
}

/// Forgets all browsers and networks of an account but these.
///
/// # Errors
/// When the query fails.
pub fn forget_others(conn: &mut DbConnection, user_id: UserId, kept: &KnownPlaces) -> QueryResult<usize> {
    store::delete_known_of_but(conn, user_id, &kept.0)
}

/// The browser and the network that a try comes from, as they are known by.
pub struct KnownPlaces(Vec<String>);

impl Lock {
    /// The browser and the network that a try comes from.
    #[must_use]
    pub fn known_places(&self, attempt: &Attempt) -> KnownPlaces {
        let names = Names::new(&self.names, attempt);
        KnownPlaces(names.device_id.into_iter().chain([names.network_id]).collect())
    }

    /// Makes the browser known at which somebody has just set a new password by a one-time link. The password has forgotten all others,
    /// and whoever shut the owner out by failures from many networks would else keep them out. The secret for its cookie; `None`, and a
    /// line in the log, when the database gives no answer: the password is set all the same.
    pub async fn remember_browser(&self, user: &User) -> Option<PlainSecret> {
        let username = LookupName::parse(&user.username)?;
        let secret = PlainSecret::generate();
        let id = buckets::device_id(&self.names, username.key(), secret.hash().as_str());
        let (user_id, now) = (user.id, self.clock.now());
        let kept = self
            .db
            .write(move |conn| -> Result<_, DbError> { Ok(keep(conn, &id, (user_id, DEVICE), false, now)?) })
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "cannot remember the browser after a password reset; it is throttled like an unknown one");
            return None;
        }
        Some(secret)
    }
}

fn keep(
    conn: &mut DbConnection,
    id: &str,
    (user_id, kind): (UserId, &str),
    is_known: bool,
    now: Moment,
) -> QueryResult<()> {
    if is_known {
        return store::set_known_used(conn, id, now);
    }
    store::insert_known(conn, id, user_id, kind, now)?;
    store::delete_known_beyond(conn, user_id, kind, MAX_KNOWN)
}
