//! How long sessions and access tokens live: the one place that computes it.
//! What may not live here: the clock, and the rows.

use chrono::TimeDelta;

use super::{Session, SessionKind};
use crate::clock::Moment;
use crate::config::LifetimeConfig;

/// How long after its last recorded use a use is recorded again.
const USE_RECORDED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The settings on lifetimes. Applied to what is stored, so that turning one down applies to sessions that exist.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    access_token: TimeDelta,
    session_idle: TimeDelta,
    session_max: TimeDelta,
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
        }
    }

    /// When a session ends by itself.
    #[must_use]
    pub fn session_ends_at(&self, kind: SessionKind, created_at: Moment, last_used_at: Moment) -> Moment {
        match kind {
            SessionKind::Browser => (created_at + self.session_max).min(last_used_at + self.session_idle),
            SessionKind::Program => created_at + self.access_token,
        }
    }

    /// When an access token that is issued `now` dies: never later than its session.
    #[must_use]
    pub fn access_token_ends_at(
        &self,
        kind: SessionKind,
        created_at: Moment,
        last_used_at: Moment,
        now: Moment,
    ) -> Moment {
        (now + self.access_token).min(self.session_ends_at(kind, created_at, last_used_at))
    }

    /// Whether a session can still be used.
    #[must_use]
    pub fn is_live(&self, session: &Session, now: Moment) -> bool {
        session.ended_at.is_none() && now < self.session_ends_at(session.kind, session.created_at, session.last_used_at)
    }

    /// Whether this use of a session should be written down: at most once a minute.
    #[must_use]
    pub fn is_use_due(&self, session: &Session, now: Moment) -> bool {
        now >= session.last_used_at + USE_RECORDED_EVERY
    }

    /// The longest that any browser session lives, in seconds: the life of its cookie.
    #[must_use]
    pub fn session_max_seconds(&self) -> i64 {
        self.session_max.num_seconds()
    }

    /// The moment before which a session last used is dead whatever its kind.
    #[must_use]
    pub fn dead_before(&self, now: Moment) -> Moment {
        now - self.session_idle.max(self.access_token)
    }
}
