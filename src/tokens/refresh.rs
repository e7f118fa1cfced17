//! Refresh tokens: rotated at each use, so that one that comes twice tells of a lost answer or of a thief (RFC 9700 §4.14.2).
//! A session is a family of them, and at most one of a family is live.
//! What may not live here: who may refresh and for which scopes (`authentication::refresh`), and HTTP.

use chrono::TimeDelta;
use diesel::QueryResult;

use super::store::refresh_tokens::{self as store, RefreshToken, Succession};
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::Session;

/// For how long whoever presents a used token is given the same successor: programs that refresh at the same moment, and answers
/// that broke on the way and are asked for again at once.
const SAME_SUCCESSOR_FOR: TimeDelta = TimeDelta::seconds(10);
/// How many successors of one token may be lost on their way.
const MAX_LOST: i64 = 3;
/// How often a try looks anew because others changed the same rows meanwhile, and how many successors in a row it follows.
const MAX_LOOKS: usize = 32;

/// What became of a presented refresh token that was found and whose session is live.
#[derive(Debug)]
pub enum Rotation {
    /// This one takes its place.
    Successor(PlainSecret),
    /// Only a thief could still hold it, or hold its successor: the family must end.
    Reused,
    /// Too much changed around it to tell: nothing was changed.
    Contested,
}

/// Makes the first refresh token of a session.
///
/// # Errors
/// When the query fails.
pub fn begin(conn: &mut DbConnection, session: &Session, now: Moment) -> QueryResult<PlainSecret> {
    let secret = PlainSecret::generate();
    store::insert(conn, &RefreshToken::fresh(&secret, &session.id, session.client_id.as_deref(), &session.scope, now))?;
    Ok(secret)
}

/// Finds a presented token, whatever its state.
///
/// # Errors
/// When the query fails.
pub fn find(conn: &mut DbConnection, presented: &PlainSecret) -> QueryResult<Option<RefreshToken>> {
    store::find(conn, presented.hash().as_str())
}

/// Takes a presented token through its four states (docs/architecture.md, "Refresh tokens"). It was found a moment
/// ago, perhaps before this transaction, which is the one that ends the family when it says so.
///
/// # Errors
/// When a query fails.
pub fn rotate(
    conn: &mut DbConnection,
    presented: &PlainSecret,
    found: RefreshToken,
    now: Moment,
) -> QueryResult<Rotation> {
    let mut token = found;
    // Rows that were not read at one moment (the first, or any on Postgres, where each query sees what was committed just before it) may
    // tell of a replacement that another does not know yet, and an owner who came twice would be taken for a thief. There are no more
    // replacements than this, and a theft looks the same each time.
    for _ in 0..=MAX_LOST {
        match walk(conn, presented, token, now)? {
            Walk::Ended(rotation) => return Ok(rotation),
            Walk::Suspicious => {}
        }
        let Some(again) = find(conn, presented)? else { return Ok(Rotation::Contested) };
        token = again;
    }
    Ok(Rotation::Reused)
}

/// What became of one walk from the presented token along its successors.
enum Walk {
    Ended(Rotation),
    /// A theft, if all rows were read in one state.
    Suspicious,
}

fn walk(conn: &mut DbConnection, presented: &PlainSecret, found: RefreshToken, now: Moment) -> QueryResult<Walk> {
    let (mut secret, mut token) = (presented.clone(), found);
    for _ in 0..MAX_LOOKS {
        if token.superseded_at.is_some() {
            return Ok(Walk::Suspicious);
        }
        let Some(succession) = token.succession.clone() else {
            // Unused. The update is conditional: of those that come at once, one rotates and the others look again.
            if let Some(successor) = replace(conn, &secret, &token, 0, now)? {
                return Ok(Walk::Ended(Rotation::Successor(successor)));
            }
            let Some(again) = store::find(conn, &token.hash)? else { return Ok(Walk::Ended(Rotation::Contested)) };
            token = again;
            continue;
        };
        let Some(next) = store::find(conn, &succession.hash)? else { return Ok(Walk::Suspicious) };
        let opened = (now < succession.at + SAME_SUCCESSOR_FOR).then(|| open(&secret, &succession)).flatten();
        if let Some(successor) = opened {
            if next.is_unused() {
                return Ok(Walk::Ended(Rotation::Successor(successor)));
            }
            // The successor was used already, as recently: a program that came late among several gets what they have now.
            (secret, token) = (successor, next);
            continue;
        }
        // The answer was lost on its way when nobody has used the successor; whoever used it holds a copy when somebody has.
        if !next.is_unused() || succession.lost >= MAX_LOST {
            return Ok(Walk::Suspicious);
        }
        if let Some(successor) = replace(conn, &secret, &token, succession.lost + 1, now)? {
            // Should the successor have been used at this very moment, its use stands and both are stolen or lost to the owner.
            let is_superseded = store::set_superseded(conn, &succession.hash, now)?;
            return Ok(Walk::Ended(if is_superseded { Rotation::Successor(successor) } else { Rotation::Reused }));
        }
        let Some(again) = store::find(conn, &token.hash)? else { return Ok(Walk::Ended(Rotation::Contested)) };
        token = again;
    }
    Ok(Walk::Ended(Rotation::Contested))
}

/// Gives a token a fresh successor, unless its row has changed since it was read.
fn replace(
    conn: &mut DbConnection,
    secret: &PlainSecret,
    token: &RefreshToken,
    lost: i64,
    now: Moment,
) -> QueryResult<Option<PlainSecret>> {
    let successor = PlainSecret::generate();
    let hash = successor.hash();
    let succession = Succession {
        hash: hash.as_str().to_owned(),
        sealed: Some(secret.seal_successor(&successor, lost)),
        at: now,
        lost,
    };
    let expected = token.succession.as_ref().map(|succession| succession.hash.as_str());
    if !store::set_successor(conn, &token.hash, expected, &succession)? {
        return Ok(None);
    }
    let fresh = RefreshToken::fresh(&successor, &token.family_id, token.client_id.as_deref(), &token.scope, now);
    store::insert(conn, &fresh)?;
    Ok(Some(successor))
}

fn open(secret: &PlainSecret, succession: &Succession) -> Option<PlainSecret> {
    secret.open_successor(succession.sealed.as_deref()?, succession.lost)
}

impl RefreshToken {
    fn fresh(secret: &PlainSecret, family_id: &str, client_id: Option<&str>, scope: &Scopes, now: Moment) -> Self {
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

    /// Whether it is the one live token of its family.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.succession.is_none() && self.superseded_at.is_none()
    }
}

/// The moment before which a sealed successor is of no use to anybody and can be erased.
#[must_use]
pub fn seals_dead_before(now: Moment) -> Moment {
    now - SAME_SUCCESSOR_FOR
}
