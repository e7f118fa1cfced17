//! Rotation of refresh tokens and detection of their reuse (RFC 9700 §4.14.2).

use chrono::TimeDelta;
use diesel::QueryResult;

use super::refresh_token::{PlainRefreshToken, RefreshTokenKey};
use super::store::refresh_tokens::{self as store, Exchange, PresentedToken, RefreshToken, Succession};
use crate::clock::{Moment, has_passed, latest_past};
use crate::db::DbConnection;
use crate::secret::PlainSecret;
use crate::sessions::{self, Session, SessionIssue};

/// The time for which a used token returns the same successor, for clients that refresh concurrently or retry at once.
const GRACE_PERIOD: TimeDelta = TimeDelta::seconds(10);
/// The most successors of one token that may be lost with their responses.
const MAX_LOST: i64 = 3;
/// The most steps of one attempt. A step follows a successor, or reads a row again that another request has changed.
const MAX_STEPS: usize = 32;

/// The newest tokens of a family that are kept: a client that refreshes all the time must not fill the disk.
const MAX_KEPT: i64 = 100;
/// The most tokens that one rotation deletes. Usually it is one; there are more after a release that did not count.
const MAX_PRUNED: i64 = 10;

/// A presented refresh token.
pub enum FoundToken {
    /// Its row is stored.
    Stored(Box<PresentedToken>),
    /// It was issued in this session, and its row was deleted since: a hundred newer ones were issued, or it was too old.
    /// The owner's client would hold a newer one.
    Deleted(Session),
}

impl FoundToken {
    /// The registered client that the token is bound to.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Stored(found) => found.token.client_id.as_deref(),
            Self::Deleted(session) => session.client_id.as_deref(),
        }
    }

    /// The ID of its session.
    #[must_use]
    pub fn session_id(&self) -> &str {
        match self {
            Self::Stored(found) => &found.token.family_id,
            Self::Deleted(session) => &session.id,
        }
    }
}

/// Outcome of presenting a refresh token of a live session.
#[derive(Debug)]
pub enum Rotation {
    /// The token was exchanged for this one.
    Successor(PlainSecret),
    /// The session ended in the meantime.
    SessionEnded,
    /// The token or its successor was stolen; the session must end.
    Reused,
    /// Other requests changed too many rows at the same time; nothing was changed.
    Contested,
}

/// Creates the first refresh token of a session.
pub fn create(conn: &mut DbConnection, session: &Session, now: Moment) -> QueryResult<PlainSecret> {
    let secret = PlainSecret::generate();
    let token = RefreshToken {
        hash: secret.hash().as_str().to_owned(),
        family_id: session.id.clone(),
        client_id: session.client_id.clone(),
        scope: session.scope.clone(),
        created_at: now,
        superseded_at: None,
        succession: None,
        generation: 1,
    };
    store::insert(conn, &token)?;
    Ok(secret)
}

/// Finds the row of a presented token in any state.
pub fn find(conn: &mut DbConnection, presented: &PlainSecret) -> QueryResult<Option<RefreshToken>> {
    store::find(conn, presented.hash().as_str())
}

/// Finds a presented token in any state, also if its row was deleted.
pub fn find_or_recognize(
    conn: &mut DbConnection,
    presented: &PlainRefreshToken,
    key: &RefreshTokenKey,
) -> QueryResult<Option<FoundToken>> {
    if let Some(found) = find_with_owner(conn, presented.secret())? {
        return Ok(Some(FoundToken::Stored(Box::new(found))));
    }
    // If no row is left, the newest token was deleted because of its age, and the presented one may be that.
    let family = key.find_family(presented).map(str::to_owned);
    let Some(session_id) = family else { return Ok(None) };
    if !store::has_tokens(conn, &session_id)? {
        return Ok(None);
    }
    Ok(sessions::find(conn, &session_id)?.map(FoundToken::Deleted))
}

/// Finds the row of a presented token in any state, with its session.
pub fn find_with_owner(conn: &mut DbConnection, presented: &PlainSecret) -> QueryResult<Option<PresentedToken>> {
    store::find_with_owner(conn, presented.hash().as_str())
}

/// Exchanges an unused token, with one statement at the end, and stores `issue` in its session. `None`, and nothing has
/// changed, if it is used, superseded, or is exchanged by another request at the same moment; [`rotate`] decides on it.
pub fn exchange_unused(
    conn: &mut DbConnection,
    presented: &PlainSecret,
    found: &RefreshToken,
    issue: &SessionIssue,
    now: Moment,
) -> QueryResult<Option<Rotation>> {
    if !found.is_unused() {
        return Ok(None);
    }
    replace(conn, presented, found, found, issue, now)
}

/// Rotates a presented token by its state (docs/architecture.md, "Refresh tokens"), and stores `issue` in its session. The
/// caller ends the session in the same transaction if the token was reused.
pub fn rotate(
    conn: &mut DbConnection,
    presented: &PlainSecret,
    found: RefreshToken,
    issue: &SessionIssue,
    now: Moment,
) -> QueryResult<Rotation> {
    let mut token = found;
    // The rows of one attempt may come from different moments: on PostgreSQL each query sees the latest commit. A
    // concurrent replacement could then look like reuse. Real reuse looks the same in every attempt, and there are at most
    // `MAX_LOST` replacements.
    for _ in 0..=MAX_LOST {
        match try_rotate(conn, presented, token, issue, now)? {
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
    issue: &SessionIssue,
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
            if let Some(rotation) = replace(conn, &secret, &token, &token, issue, now)? {
                return Ok(RotationAttempt::Decided(rotation));
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
                let is_live = sessions::record_issue(conn, issue)?;
                let rotation = if is_live { Rotation::Successor(successor) } else { Rotation::SessionEnded };
                return Ok(RotationAttempt::Decided(rotation));
            }
            // The successor was used within the grace period as well: a late request among several gets its successor.
            (secret, token) = (successor, next);
            continue;
        }
        // An unused successor was lost with its response. A used one means that someone holds a copy.
        if !next.is_unused() || succession.lost_count >= MAX_LOST {
            return Ok(RotationAttempt::SuspectedReuse);
        }
        if let Some(rotation) = replace(conn, &secret, &token, &next, issue, now)? {
            // If the lost successor is used at the same moment, two parties hold a token of this session.
            let is_superseded = store::set_superseded(conn, &succession.hash, now)?;
            return Ok(RotationAttempt::Decided(if is_superseded { rotation } else { Rotation::Reused }));
        }
        let Some(current) = store::find(conn, &token.hash)? else {
            return Ok(RotationAttempt::Decided(Rotation::Contested));
        };
        token = current;
    }
    Ok(RotationAttempt::Decided(Rotation::Contested))
}

/// Gives a token a new successor, unless its row has changed since it was read, and deletes the family's oldest tokens.
/// `newest` is the family's newest token: the token itself, or its successor that was lost.
fn replace(
    conn: &mut DbConnection,
    secret: &PlainSecret,
    token: &RefreshToken,
    newest: &RefreshToken,
    issue: &SessionIssue,
    now: Moment,
) -> QueryResult<Option<Rotation>> {
    let lost_count = token.succession.as_ref().map_or(0, |succession| succession.lost_count + 1);
    let successor = PlainSecret::generate();
    let hash = successor.hash();
    let succession = Succession {
        hash: hash.as_str().to_owned(),
        sealed: Some(secret.seal_successor(&successor, lost_count)),
        issued_at: now,
        lost_count,
    };
    let generation = newest.generation + 1;
    let new = RefreshToken {
        hash: hash.as_str().to_owned(),
        created_at: now,
        superseded_at: None,
        succession: None,
        generation,
        ..token.clone()
    };
    let exchange = Exchange {
        hash: &token.hash,
        lost: token.succession.as_ref().map(|succession| succession.hash.as_str()),
        succession: &succession,
        new: &new,
        prune_up_to: (generation - MAX_KEPT).max(0),
        max_pruned: MAX_PRUNED,
    };
    let exchanged = store::exchange(conn, &exchange, issue)?;
    let rotation = if exchanged.is_live { Rotation::Successor(successor) } else { Rotation::SessionEnded };
    Ok(exchanged.is_done.then_some(rotation))
}

fn open(secret: &PlainSecret, succession: &Succession) -> Option<PlainSecret> {
    secret.open_successor(succession.sealed.as_deref()?, succession.lost_count)
}

impl RefreshToken {
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
