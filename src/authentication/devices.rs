//! The known browsers and networks of an account, which failures elsewhere do not lock out.

use diesel::QueryResult;

use super::buckets::{self, BucketNames};
use super::{AttemptOrigin, PasswordAttempt, store};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::secret::{DerivedKey, PlainSecret};
use crate::users::{LookupName, User, UserId};

/// The most browsers, and the most networks, kept for an account.
const MAX_KNOWN: i64 = 20;

/// What is known: a device (a browser) or a network.
#[derive(Clone, Copy)]
enum KnownKind {
    Device,
    Network,
}

impl KnownKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Network => "network",
        }
    }
}

/// Whether the account knows an attempt's browser and network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub device: bool,
    pub network: bool,
}

impl Known {
    pub fn find(conn: &mut DbConnection, names: &BucketNames, now: Moment) -> QueryResult<Self> {
        let since = store::known_since(now);
        let found = store::list_known(conn, &names.network_id, names.device_id.as_deref(), since)?;
        Ok(Self {
            device: names.device_id.as_ref().is_some_and(|id| found.contains(id)),
            network: found.contains(&names.network_id),
        })
    }
}

/// The account of a successful sign-in, and where it came from.
pub(super) struct SignInPlace<'a> {
    pub user: &'a User,
    /// The username or email address that was typed.
    pub typed_name: &'a LookupName,
    pub origin: &'a AttemptOrigin,
    pub is_browser: bool,
}

/// What the account knew of the place of a sign-in, and the secret of a browser that it did not know.
pub(super) struct Remembered {
    pub known: Known,
    pub device: Option<PlainSecret>,
}

/// Stores the network of a sign-in as known. A browser that is not known becomes known by a new secret. `typed` is what is
/// known under the name that was typed.
///
/// Failures are counted for each typed name, before any account is looked up, so an account that was found by its email
/// address knows a place under both names.
pub(super) fn remember(
    conn: &mut DbConnection,
    key: &DerivedKey,
    place: &SignInPlace<'_>,
    typed: Known,
    now: Moment,
) -> QueryResult<Remembered> {
    let user_id = place.user.id;
    let own_name = LookupName::parse(&place.user.username).unwrap_or_else(|| place.typed_name.clone());
    let names = BucketNames::new(key, &own_name, place.origin);
    let is_own_name = own_name.throttling_key() == place.typed_name.throttling_key();
    let known = if is_own_name { typed } else { Known::find(conn, &names, now)? };
    remember_network(conn, &names, user_id, known, now)?;
    let device = match &names.device_id {
        // The cookie of an earlier version has no tag and is replaced.
        Some(id) if known.device && names.is_device_genuine => {
            store::set_known_used(conn, id, now)?;
            None
        }
        _ if place.is_browser => {
            let secret = buckets::generate_device(key, own_name.throttling_key());
            let id = buckets::device_id(key, own_name.throttling_key(), &secret);
            insert(conn, &id, user_id, KnownKind::Device, now)?;
            Some(secret)
        }
        _ => None,
    };
    if !is_own_name {
        let names = BucketNames::new(key, place.typed_name, place.origin);
        remember_network(conn, &names, user_id, typed, now)?;
        match (&device, &names.device_id) {
            (Some(secret), _) => {
                let id = buckets::device_id(key, place.typed_name.throttling_key(), secret);
                insert(conn, &id, user_id, KnownKind::Device, now)?;
            }
            (None, Some(id)) if typed.device => store::set_known_used(conn, id, now)?,
            (None, Some(id)) if place.is_browser => insert(conn, id, user_id, KnownKind::Device, now)?,
            (None, _) => {}
        }
    }
    Ok(Remembered { known, device })
}

fn remember_network(
    conn: &mut DbConnection,
    names: &BucketNames,
    user_id: UserId,
    known: Known,
    now: Moment,
) -> QueryResult<()> {
    if known.network {
        store::set_known_used(conn, &names.network_id, now)
    } else {
        insert(conn, &names.network_id, user_id, KnownKind::Network, now)
    }
}

fn insert(conn: &mut DbConnection, id: &str, user_id: UserId, kind: KnownKind, now: Moment) -> QueryResult<()> {
    store::insert_known(conn, id, user_id, kind.as_str(), now)?;
    store::delete_known_beyond(conn, user_id, kind.as_str(), MAX_KNOWN, now)
}

/// Forgets all browsers and networks of an account.
pub fn forget_all(conn: &mut DbConnection, user_id: UserId) -> QueryResult<usize> {
    store::delete_known_of(conn, user_id)
}

/// Forgets all browsers and networks of an account except these.
pub fn forget_others(conn: &mut DbConnection, user_id: UserId, kept: &KnownPlaces) -> QueryResult<usize> {
    store::delete_known_of_but(conn, user_id, &kept.0)
}

/// The IDs of an attempt's browser and network among the known ones.
#[derive(Clone)]
pub struct KnownPlaces(Vec<String>);

impl KnownPlaces {
    pub(super) fn new(key: &DerivedKey, attempt: &PasswordAttempt) -> Self {
        let names = BucketNames::new(key, &attempt.username, &attempt.origin);
        Self(names.device_id.into_iter().chain([names.network_id]).collect())
    }
}

/// Stores a browser as known.
pub(super) fn insert_device(conn: &mut DbConnection, id: &str, user_id: UserId, now: Moment) -> QueryResult<()> {
    insert(conn, id, user_id, KnownKind::Device, now)
}
