//! Rotation of refresh tokens and detection of their reuse (RFC 9700 §4.14.2).

use chrono::TimeDelta;
use diesel::QueryResult;

use super::store::refresh_tokens::{self as store, RefreshToken, Succession};
use crate::clock::{Moment, has_passed, latest_past};
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::Session;

/// The time for which a used token returns the same successor, for clients that refresh concurrently or retry at once.
const GRACE_PERIOD: TimeDelta = TimeDelta::seconds(10);
/// The most successors of one token that may be lost with their responses.
const MAX_LOST: i64 = 3;
/// The most steps of one attempt. A step follows a successor, or reads a row again that another request has changed.
const MAX_STEPS: usize = 32;

/// Outcome of presenting a refresh token of a live session.
#[derive(Debug)]
pub enum Rotation {
    /// The token was exchanged for this one.
    Successor(PlainSecret),
    /// The token or its successor was stolen; the session must end.
    Reused,
    /// Other requests changed too many rows at the same time; nothing was changed.
    Contested,
}

/// Creates the first refresh token of a session.
pub fn create(conn: &mut DbConnection, session: &Session, now: Moment) -> QueryResult<PlainSecret> {
    let secret = PlainSecret::generate();
    store::insert(conn, &RefreshToken::new(&secret, &session.id, session.client_id.as_deref(), &session.scope, now))?;
    Ok(secret)
}

/// Finds a presented token in any state.
pub fn find(conn: &mut DbConnection, presented: &PlainSecret) -> QueryResult<Option<RefreshToken>> {
    store::find(conn, presented.hash().as_str())
}

/// Rotates a presented token by its state (docs/architecture.md, "Refresh tokens"). `found` may have been read before
/// this transaction. The caller ends the session in the same transaction if the token was reused.
pub fn rotate(
    conn: &mut DbConnection,
    presented: &PlainSecret,
    found: RefreshToken,
    now: Moment,
) -> QueryResult<Rotation> {
    let mut token = found;
    // The rows of one attempt may come from different moments: the first was read earlier, and on PostgreSQL each query
    // sees the latest commit. A concurrent replacement could then look like reuse. Real reuse looks the same in every
    // attempt, and there are at most `MAX_LOST` replacements.
    for _ in 0..=MAX_LOST {
        match try_rotate(conn, presented, token, now)? {
            RotationAttempt::Decided(rotation) => return Ok(rotation),
            RotationAttempt::SuspectedReuse => {}
        }
        let Some(current) = find(conn, presented)? else { return Ok(Rotation::Contested) };
        token = current;
    }
    Ok(Rotation::Reused)
}

/// Outcome of one attempt to rotate a token.
enum RotationAttempt {
    Decided(Rotation),
    /// Reuse, if all rows were read in one state.
    SuspectedReuse,
}

fn try_rotate(
    conn: &mut DbConnection,
    presented: &PlainSecret,
    found: RefreshToken,
    now: Moment,
) -> QueryResult<RotationAttempt> {
    let (mut secret, mut token) = (presented.clone(), found);
    for _ in 0..MAX_STEPS {
        if token.superseded_at.is_some() {
            return Ok(RotationAttempt::SuspectedReuse);
        }
        let Some(succession) = token.succession.clone() else {
            // Unused. The update is conditional: of concurrent requests one rotates the token, and the others read it
            // again.
            if let Some(successor) = replace(conn, &secret, &token, 0, now)? {
                return Ok(RotationAttempt::Decided(Rotation::Successor(successor)));
            }
            let Some(current) = store::find(conn, &token.hash)? else {
                return Ok(RotationAttempt::Decided(Rotation::Contested));
            };
            token = current;
            continue;
        };
        let Some(next) = store::find(conn, &succession.hash)? else { return Ok(RotationAttempt::SuspectedReuse) };
        let is_in_grace = !has_passed(GRACE_PERIOD, succession.issued_at, now);
        let opened = is_in_grace.then(|| open(&secret, &succession)).flatten();
        if let Some(successor) = opened {
            if next.is_unused() {
                return Ok(RotationAttempt::Decided(Rotation::Successor(successor)));
            }
            // The successor was used within the grace period as well: a late request among several gets its successor.
            (secret, token) = (successor, next);
            continue;
        }
        // An unused successor was lost with its response. A used one means that someone holds a copy.
        if !next.is_unused() || succession.lost_count >= MAX_LOST {
            return Ok(RotationAttempt::SuspectedReuse);
        }
        if let Some(successor) = replace(conn, &secret, &token, succession.lost_count + 1, now)? {
            // If the lost successor is used at the same moment, two parties hold a token of this session.
            let is_superseded = store::set_superseded(conn, &succession.hash, now)?;
            return Ok(RotationAttempt::Decided(if is_superseded {
                Rotation::Successor(successor)
            } else {
                Rotation::Reused
            }));
        }
        let Some(current) = store::find(conn, &token.hash)? else {
            return Ok(RotationAttempt::Decided(Rotation::Contested));
        };
        token = current;
    }
    Ok(RotationAttempt::Decided(Rotation::Contested))
}

/// Gives a token a new successor, unless its row has changed since it was read.
fn replace(
    conn: &mut DbConnection,
    secret: &PlainSecret,
    token: &RefreshToken,
    lost_count: i64,
    now: Moment,
) -> QueryResult<Option<PlainSecret>> {
    let successor = PlainSecret::generate();
    let hash = successor.hash();
    let succession = Succession {
        hash: hash.as_str().to_owned(),
        sealed: Some(secret.seal_successor(&successor, lost_count)),
        issued_at: now,
        lost_count,
    };
    let expected = token.succession.as_ref().map(|succession| succession.hash.as_str());
    if !store::set_successor(conn, &token.hash, expected, &succession)? {
        return Ok(None);
    }
    let new = RefreshToken::new(&successor, &token.family_id, token.client_id.as_deref(), &token.scope, now);
    store::insert(conn, &new)?;
    Ok(Some(successor))
}

fn open(secret: &PlainSecret, succession: &Succession) -> Option<PlainSecret> {
    secret.open_successor(succession.sealed.as_deref()?, succession.lost_count)
}

impl RefreshToken {
    fn new(secret: &PlainSecret, family_id: &str, client_id: Option<&str>, scope: &Scopes, now: Moment) -> Self {
        Self {
            hash: secret.hash().as_str().to_owned(),
            family_id: family_id.to_owned(),
            client_id: client_id.map(str::to_owned),
            scope: scope.clone(),
            created_at: now,
            superseded_at: None,
            succession: None,
        }
    }

    /// Whether it is the one unused token of its session.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.succession.is_none() && self.superseded_at.is_none()
    }
}

/// Erases at most `limit` sealed successors whose grace period is over.
pub fn erase_sealed_successors(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    store::erase_sealed_successors(conn, now - GRACE_PERIOD, latest_past(now), limit)
}
