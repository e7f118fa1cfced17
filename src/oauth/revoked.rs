//! `GET /revoked`: the list of revoked sessions and holders, for resource servers that verify tokens offline.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use serde::Serialize;
use tokio::sync::Mutex;

use super::metadata::{PublicDocument, respond};
use crate::clock::{Clock, Moment, unix_seconds};
use crate::error::AppError;
use crate::sessions::{RevocationSnapshot, RevokedSessions, SessionService};

/// The most sessions and the most holders in one response.
const MAX_ENTRIES: usize = 100_000;
/// The longest time for which an unchanged list is used. Entries that are no longer needed leave it then.
const MAX_AGE: TimeDelta = TimeDelta::minutes(1);

/// What a resource server must reject besides expired tokens.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Revoked<'a> {
    /// The revoked sessions, latest `until` first; at most 100,000.
    sessions: Vec<RevokedSession<'a>>,
    /// The holders whose tokens of earlier generations are revoked; at most 100,000.
    holders: Vec<RevokedHolder<'a>>,
    /// Whether the list is incomplete because there are more. Introspect each token then.
    truncated: bool,
}

/// A session that ended while a resource server could accept its access tokens.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RevokedSession<'a> {
    /// The `sid` of its tokens.
    sid: &'a str,
    /// When no verifier accepts its access tokens any more, as a Unix timestamp in seconds: about a minute after the
    /// last of them expires. The entry is not needed after that.
    until: i64,
}

/// A holder whose tokens of earlier generations are revoked.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RevokedHolder<'a> {
    /// The name of a member of the claim `holders`.
    holder: &'a str,
    /// Tokens are revoked in whose claim `holders` the value of that member is less.
    before: i64,
    /// As in a revoked session.
    until: i64,
}

/// The body of `GET /revoked`, built once per change and shared by all requests. Clones share one list.
#[derive(Clone)]
pub struct RevocationList {
    max_entries: usize,
    built: Arc<Mutex<Option<Built>>>,
}

struct Built {
    revision: u64,
    at: Moment,
    document: PublicDocument,
}

impl Default for RevocationList {
    fn default() -> Self {
        Self::with_limit(MAX_ENTRIES)
    }
}

impl RevocationList {
    /// Creates a list of at most `max_entries` sessions and as many holders.
    #[must_use]
    pub fn with_limit(max_entries: usize) -> Self {
        Self { max_entries, built: Arc::default() }
    }

    /// Returns the list. The first request after a change builds it, on a blocking thread; others wait for that.
    ///
    /// # Errors
    /// If the list cannot be serialized, which does not happen.
    pub async fn document(&self, revoked: &RevokedSessions, now: Moment) -> Result<PublicDocument, AppError> {
        let mut built = Arc::clone(&self.built).lock_owned().await;
        let is_current =
            |built: &Built| built.revision == revoked.revision() && (built.at..built.at + MAX_AGE).contains(&now);
        if let Some(built) = built.as_ref().filter(|built| is_current(built)) {
            return Ok(built.document.clone());
        }
        let (revoked, max_entries) = (revoked.clone(), self.max_entries);
        // The thread holds the lock: a client that disconnects cannot make several threads build at once.
        let task = tokio::task::spawn_blocking(move || {
            let mut snapshot = revoked.snapshot(now);
            let document = PublicDocument::new(serde_json::to_vec(&Revoked::new(&mut snapshot, max_entries))?);
            *built = Some(Built { revision: snapshot.revision, at: now, document: document.clone() });
            Ok::<_, serde_json::Error>(document)
        });
        task.await.map_err(AppError::internal)?.map_err(AppError::internal)
    }
}

impl<'a> Revoked<'a> {
    fn new(snapshot: &'a mut RevocationSnapshot, max_entries: usize) -> Self {
        let RevocationSnapshot { sessions, holders, .. } = snapshot;
        let truncated = sessions.len() > max_entries || holders.len() > max_entries;
        sessions.sort_unstable_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
        holders.sort_unstable_by(|left, right| (right.until, &left.id).cmp(&(left.until, &right.id)));
        let sessions = sessions.iter().take(max_entries);
        let holders = holders.iter().take(max_entries);
        Self {
            sessions: sessions.map(|(sid, until)| RevokedSession { sid, until: unix_seconds(*until) }).collect(),
            holders: holders
                .map(|entry| RevokedHolder {
                    holder: &entry.id,
                    before: entry.before,
                    until: unix_seconds(entry.until),
                })
                .collect(),
            truncated,
        }
    }
}

/// Returns the revoked sessions and holders. The IDs are random and not secret.
///
/// # Errors
/// 500 if the list cannot be built, which does not happen.
#[utoipa::path(
    get,
    path = "/revoked",
    tag = "tokens",
    operation_id = "list_revoked_sessions",
    summary = "List the revoked sessions",
    description = "A resource server that verifies tokens offline must reject a token whose sid is in this list, or of whose holders one is listed with a later generation.",
    responses(
        (status = 200, description = "The revoked sessions and holders", body = Revoked),
        (status = 304, description = "Not modified"),
    )
)]
pub async fn get_revoked(
    request: HttpRequest,
    list: web::Data<RevocationList>,
    sessions: web::Data<SessionService>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, AppError> {
    let document = list.document(sessions.revoked(), clock.now()).await?;
    Ok(respond(&request, "public, no-cache", &document))
}
