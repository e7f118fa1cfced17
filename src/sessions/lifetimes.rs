//! The lifetimes of sessions and access tokens, computed only here.

use chrono::TimeDelta;

use super::{Session, SessionIssue, SessionKind};
use crate::clock::{Moment, has_passed, past};
use crate::config::LifetimeConfig;

/// The allowed difference between two machines' clocks, in seconds.
pub const LEEWAY_SECONDS: i64 = 30;

/// How long after `exp` a verifier may accept a token: it allows the leeway, its clock may be late by as much, and some
/// libraries still accept a token in the second in which the leeway ends.
const ACCEPTED_AFTER_EXPIRY: TimeDelta = TimeDelta::seconds(2 * LEEWAY_SECONDS + 1);

/// When the last verifier, here or elsewhere, rejects a token that expires at `expires_at`. An ended session is revoked
/// until then.
#[must_use]
pub fn revoked_until(expires_at: Moment) -> Moment {
    expires_at + ACCEPTED_AFTER_EXPIRY
}

/// The inverse of [`revoked_until`]: at `now`, every verifier rejects a token that expired at this moment or earlier.
#[must_use]
pub fn rejected_if_expired_at(now: Moment) -> Moment {
    now - ACCEPTED_AFTER_EXPIRY
}

/// The time after which a use of a session is recorded again.
const USE_RECORDING_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// The time by which `access_until` exceeds the expiry of a refreshed session's last token, so it is written at most
/// once a minute.
const ACCESS_UNTIL_MARGIN: TimeDelta = TimeDelta::minutes(1);

/// The configured lifetimes. They are applied when a session is read, so a shorter one also applies to existing
/// sessions.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    access_token: TimeDelta,
    session_idle: TimeDelta,
    session_max: TimeDelta,
    refresh_idle: TimeDelta,
    refresh_max: TimeDelta,
    remember_idle: TimeDelta,
    remember_max: TimeDelta,
}

impl Lifetimes {
    /// Takes settings that were checked to be at most a year.
    #[must_use]
    pub fn new(config: LifetimeConfig) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            access_token: delta(config.access_token),
            session_idle: delta(config.session_idle),
            session_max: delta(config.session_max),
            refresh_idle: delta(config.refresh_idle),
            refresh_max: delta(config.refresh_max),
            remember_idle: delta(config.remember_idle),
            remember_max: delta(config.remember_max),
        }
    }

    /// When a session expires.
    #[must_use]
    pub fn session_expires_at(&self, session: &Session) -> Moment {
        let Session { created_at, last_used_at, .. } = *session;
        let kind_expires_at = match session.kind {
            SessionKind::Browser if session.is_remembered => {
                (created_at + self.remember_max).min(last_used_at + self.remember_idle)
            }
            SessionKind::Browser => (created_at + self.session_max).min(last_used_at + self.session_idle),
            SessionKind::PasswordGrant => (created_at + self.refresh_max).min(last_used_at + self.refresh_idle),
            SessionKind::ClientCredentials => created_at + self.access_token,
            // Limited by `expires_at` only.
            SessionKind::Script => Moment::MAX,
        };
        session.expires_at.map_or(kind_expires_at, |expires_at| kind_expires_at.min(expires_at))
    }

    /// The lifetime of an access token whose session does not expire earlier.
    #[must_use]
    pub fn access_token(&self) -> TimeDelta {
        self.access_token
    }

    /// When an access token that is issued `now` expires: never later than its session.
    #[must_use]
    pub fn access_token_expires_at(&self, session: &Session, now: Moment) -> Moment {
        let session_expires_at = self.session_expires_at(session);
        if session.kind == SessionKind::Script {
            session_expires_at
        } else {
            session_expires_at.min(now + self.access_token)
        }
    }

    /// When a session expires that gets one access token, issued `now`, and no other.
    #[must_use]
    pub fn single_token_session_expires_at(&self, now: Moment) -> Moment {
        now + self.access_token
    }

    /// What to store of a session that is refreshed now: nothing if its row covers the new access token already. The stored
    /// expiry is a minute later, because a client that refreshes all the time would otherwise cause a write each time.
    #[must_use]
    pub fn issue_on_refresh(&self, session: &Session, signing_kid: Option<&str>, now: Moment) -> SessionIssue {
        let used = self.used(session, now);
        let expires_at = self.access_token_expires_at(&used, now);
        let is_covered = session.access_until >= expires_at && session.signing_kid.as_deref() == signing_kid;
        if is_covered && !self.is_use_due(session, now) {
            return SessionIssue { session_id: session.id.clone(), update: None };
        }
        SessionIssue::new(&used, signing_kid, expires_at + ACCESS_UNTIL_MARGIN, now)
    }

    /// A session as it is after a use, which corrects a start while the clock was ahead.
    #[must_use]
    pub fn used(&self, session: &Session, now: Moment) -> Session {
        Session {
            created_at: past(session.created_at, now),
            last_used_at: past(session.last_used_at, now).max(now),
            ..session.clone()
        }
    }

    /// Whether a session has neither ended nor expired.
    #[must_use]
    pub fn is_live(&self, session: &Session, now: Moment) -> bool {
        session.ended_at.is_none() && now < self.session_expires_at(session)
    }

    /// Whether this use of a session should be recorded: at most once a minute, and at once if the last one was recorded
    /// while the clock was ahead, because recording corrects the session's times.
    #[must_use]
    pub fn is_use_due(&self, session: &Session, now: Moment) -> bool {
        has_passed(USE_RECORDING_INTERVAL, session.last_used_at, now)
    }

    /// The `Max-Age` of a browser session's cookies, in seconds: the absolute timeout if the session is remembered,
    /// otherwise `None`, for a cookie that is deleted when the browser closes.
    #[must_use]
    pub fn cookie_max_age_seconds(&self, session: &Session, now: Moment) -> Option<i64> {
        let created_at = past(session.created_at, now);
        session.is_remembered.then(|| (created_at + self.remember_max - now).num_seconds().max(0))
    }

    /// A session of any kind has expired if it was last used before this moment.
    #[must_use]
    pub fn sessions_expired_before(&self, now: Moment) -> Moment {
        now - self.session_idle.max(self.access_token).max(self.refresh_idle).max(self.remember_idle)
    }

    /// A refresh token has expired if it was issued before this moment.
    #[must_use]
    pub fn refresh_tokens_expired_before(&self, now: Moment) -> Moment {
        now - self.refresh_idle
    }
}
