//! Setting a password, and what a new password revokes.

use zeroize::Zeroizing;

use super::{AccountError, AccountService, queue_notification};
use crate::audit::{self, Cause, Event, EventKind};
use crate::authentication::{self, KnownPlaces};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::links::{self, LinkPurpose};
use crate::mail::{Mail, MailKind, Outbox};
use crate::sessions::{self, EndReason, EndedSessions, Lifetimes, Session, StartedSession};
use crate::users::argon2id::PasswordHash;
use crate::users::password::{Owner, PasswordError, ProposedPassword};
use crate::users::stored_hash::StoredHash;
use crate::users::{self, LookupName, User, UserId};

/// Links that someone may hold who knew an old password or could read mail to an old address. They are revoked when
/// either changes.
pub const LINKS_REVOKED_ON_CREDENTIAL_CHANGE: [LinkPurpose; 4] =
    [LinkPurpose::Verify, LinkPurpose::Reset, LinkPurpose::Welcome, LinkPurpose::Rescue];

/// Outcome of setting a password.
#[derive(Clone, Debug)]
pub enum PasswordSetting {
    /// The password was set.
    Done {
        /// The user.
        user: User,
        /// The number of sessions that ended.
        ended_sessions: usize,
    },
    /// No user has this name.
    NoSuchUser,
    /// The password policy rejects the password.
    Invalid(PasswordError),
}

impl AccountService {
    /// Sets a user's password, ends all their sessions and notifies them by mail.
    pub async fn set_password(
        &self,
        name: &LookupName,
        typed: &Zeroizing<String>,
        cause: &Cause,
    ) -> Result<PasswordSetting, AccountError> {
        let Some(user) = self.find(name).await? else { return Ok(PasswordSetting::NoSuchUser) };
        let hash = match ProposedPassword::parse(typed, Owner::from(&user), &self.password_policy) {
            Ok(proposed) => self.hash_new(proposed).await?,
            Err(error) => Err(error),
        };
        let hash = match hash {
            Ok(hash) => hash,
            Err(error) => return Ok(PasswordSetting::Invalid(error)),
        };
        let (found, cause, clock, outbox) = (user.clone(), cause.clone(), self.clock.clone(), self.outbox.clone());
        let count = self.write(move |conn, ended| -> Result<_, DbError> {
            let now = clock.now();
            let count = set_password(conn, ended, found.id, &hash, &cause, now)?;
            let kind = MailKind::PasswordChanged;
            queue_notification(conn, &outbox, &found, kind, now)?;
            Ok(count)
        });
        let count = count.await?;
        Ok(count.map_or(PasswordSetting::NoSuchUser, |ended_sessions| PasswordSetting::Done { user, ended_sessions }))
    }
}

/// Sets a password and revokes what the old one allowed: all sessions, the known browsers and networks, a pending email
/// change. Returns the number of sessions that ended; `None` when the user was deleted in the meantime.
pub fn set_password(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    id: UserId,
    hash: &PasswordHash,
    cause: &Cause,
    now: Moment,
) -> Result<Option<usize>, DbError> {
    // First, because it locks the row: a sign-in with the old password comes before it and is ended, or after it and
    // fails.
    if !users::set_password_hash(conn, id, hash, None, now)? {
        return Ok(None);
    }
    let count = sessions::end_all_of_user(conn, ended, id, EndReason::PasswordChanged, now)?;
    authentication::forget_devices(conn, id)?;
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, id)?;
    audit::record(conn, &Event::of_user(EventKind::PasswordSet, id.0, cause, now))?;
    Ok(Some(count))
}

/// A password change by the signed-in owner of the account.
#[derive(Clone)]
pub struct PasswordChange {
    /// The user.
    pub user_id: UserId,
    /// The session of the request, which a new one replaces: a stolen copy of it becomes useless.
    pub session: Session,
    /// The key that signs the access token of the new session; `None` with HS256.
    pub signing_kid: Option<String>,
    /// The lifetimes of sessions.
    pub lifetimes: Lifetimes,
    /// The hash that the old password was verified against.
    pub verified: StoredHash,
    /// The hash of the new password.
    pub hash: PasswordHash,
    /// The browser and network that stay known.
    pub known: KnownPlaces,
    /// The event to record.
    pub event: Event,
    /// The notification to queue, if the account has an email address.
    pub mail: Option<Mail>,
}

/// Outcome of changing a password.
#[derive(Debug)]
pub enum PasswordChanged {
    /// It was changed, and all sessions ended. The session that replaces the one of the request; `None` if that one had
    /// ended in the meantime.
    Done(Option<Box<StartedSession>>),
    /// The password has changed since it was verified; nothing was changed.
    Overtaken,
}

/// Changes a password, ends all sessions, and replaces the one of the request.
pub fn change_password(
    conn: &mut DbConnection,
    ended: &mut EndedSessions,
    outbox: &Outbox,
    change: PasswordChange,
    now: Moment,
) -> Result<PasswordChanged, DbError> {
    let PasswordChange { user_id, session, signing_kid, lifetimes, verified, hash, known, mut event, mail } = change;
    // First, because it locks the row: a sign-in with the old password comes before it and is ended, or after it and
    // fails.
    if !users::change_password_hash(conn, user_id, &hash, &verified, now)? {
        return Ok(PasswordChanged::Overtaken);
    }
    let reason = EndReason::PasswordChanged;
    sessions::end_others_of_user(conn, ended, user_id, &session.id, reason, now)?;
    let started = sessions::replace(conn, ended, &session, signing_kid.as_deref(), &lifetimes, reason, now)?;
    authentication::forget_other_devices(conn, user_id, &known)?;
    links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user_id)?;
    if let Some(started) = &started {
        event.session_id = Some(started.session.id.clone());
    }
    audit::record(conn, &event)?;
    if let Some(mail) = mail {
        outbox.queue(conn, mail, now)?;
    }
    Ok(PasswordChanged::Done(started.map(Box::new)))
}
