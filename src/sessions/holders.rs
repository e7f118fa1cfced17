//! The holders of access tokens, by which many tokens are revoked with one entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::users::UserId;

/// The owner of sessions, whose ended ones share one holder ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A user.
    User(UserId),
    /// A client that acts for itself.
    Client(String),
    /// All users of a client. Their sessions count for each of them; they end together only with the client.
    UsersOfClient(String),
}

/// The holders of a token, as (holder ID, generation): its user and the users of its registered client, or the client
/// that it was issued to for itself.
///
/// A holder ID is 22 random characters of base64url and says nothing about the user or client. A token is revoked when
/// a holder of it has a later generation and this is published as a [`RevokedHolder`]. Unlike a time, a generation
/// needs no clock, and has no second that is half before and half after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holders(BTreeMap<String, i64>);

impl Holders {
    /// Whether there are none, as in a token of a release before holders.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The holders as (holder ID, generation).
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(id, generation)| (id.as_str(), *generation))
    }
}

impl FromIterator<(String, i64)> for Holders {
    fn from_iter<T: IntoIterator<Item = (String, i64)>>(holders: T) -> Self {
        Self(holders.into_iter().collect())
    }
}
