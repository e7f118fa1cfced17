//! How long sessions and access tokens live: the one place that computes it.
//! What may not live here: the clock, and the rows.

use chrono::TimeDelta;

use super::{Session, SessionKind};
use crate::clock::Moment;
use crate::config::LifetimeConfig;

/// How long after its last recorded use a use is recorded again.
const USE_RECORDED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How far `access_until` may run ahead of a refreshed session's last token, so that it is written at most once a minute.
const ACCESS_UNTIL_AHEAD: TimeDelta = TimeDelta::minutes(1);

/// The settings on lifetimes. Applied to what is stored, so that turning one down applies to sessions that exist.
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
    /// From settings that were checked to be at most a year.
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

    /// When a session ends by itself.
    #[must_use]
    pub fn session_expires_at(&self, session: &Session) -> Moment {
        let Session { created_at, last_used_at, .. } = *session;
        let ends_at = match session.kind {
            SessionKind::Browser if session.is_remembered => {
                (created_at + self.remember_max).min(last_used_at + self.remember_idle)
            }
            SessionKind::Browser => (created_at + self.session_max).min(last_used_at + self.session_idle),
            SessionKind::PasswordGrant => (created_at + self.refresh_max).min(last_used_at + self.refresh_idle),
            SessionKind::ClientCredentials => created_at + self.access_token,
            // Made for a fixed time, which is below.
            SessionKind::Script => Moment::MAX,
        };
        session.expires_at.map_or(ends_at, |expires_at| ends_at.min(expires_at))
    }

    /// When an access token that is issued `now` dies: never later than its session.
    #[must_use]
    pub fn access_token_expires_at(&self, session: &Session, now: Moment) -> Moment {
        let ends_at = self.session_expires_at(session);
        // A script's token lives as long as the script was given.
        if session.kind == SessionKind::Script { ends_at } else { ends_at.min(now + self.access_token) }
    }

    /// The end of a session that holds one access token, issued `now`, and can get no other.
    #[must_use]
    pub fn one_access_token(&self, now: Moment) -> Moment {
        now + self.access_token
    }

    /// Until when to write that tokens live, of a session whose last one dies at `ends_at`: a little ahead, so that a program that
    /// refreshes all the time does not write it each time.
    #[must_use]
    pub fn access_until_of(&self, ends_at: Moment) -> Moment {
        ends_at + ACCESS_UNTIL_AHEAD
    }

    /// Whether a session can still be used.
    #[must_use]
    pub fn is_live(&self, session: &Session, now: Moment) -> bool {
        session.ended_at.is_none() && now < self.session_expires_at(session)
    }

    /// Whether this use of a session should be written down: at most once a minute.
    #[must_use]
    pub fn is_use_due(&self, session: &Session, now: Moment) -> bool {
        now >= session.last_used_at + USE_RECORDED_EVERY
    }

    /// The life of a browser session's cookie, in seconds: as long as the session can live when the browser remembers the person,
    /// and `None`, until the browser is closed, when it does not.
    #[must_use]
    pub fn cookie_seconds(&self, session: &Session, now: Moment) -> Option<i64> {
        session.is_remembered.then(|| (session.created_at + self.remember_max - now).num_seconds().max(0))
    }

    /// The moment before which a session last used is dead whatever its kind.
    #[must_use]
    pub fn unused_since(&self, now: Moment) -> Moment {
        now - self.session_idle.max(self.access_token).max(self.refresh_idle).max(self.remember_idle)
    }

    /// The moment before which a refresh token that was made is of no use to anybody.
    #[must_use]
    pub fn refresh_expired_before(&self, now: Moment) -> Moment {
        now - self.refresh_idle
    }
}
