//! A session and an event in words, for their owner. What may not live here: which of them are shown (`signed_in.rs`).

use crate::audit::{Event, EventKind};
use crate::clock::Moment;
use crate::i18n::{Time, Words};
use crate::sessions::{SessionKind, SessionWithOrigin, device_label};

/// What is read for the page.
pub struct SessionsAndEvents {
    pub sessions: Vec<SessionWithOrigin>,
    /// The names of the programs among them, by id.
    pub clients: Vec<(String, String)>,
    pub events: Vec<Event>,
}

/// A session.
pub struct SessionRow {
    pub id: String,
    /// What it is on.
    pub name: String,
    pub is_this: bool,
    pub is_remembered: bool,
    pub address: Option<String>,
    pub began: Time,
    pub last_used: Time,
    /// What the button that ends it says to those who do not see beside what it stands.
    pub end_label: String,
}

/// An event.
pub struct EventRow {
    pub what: &'static str,
    /// From what and where; empty when that is not known.
    pub client_info: String,
    pub time: Time,
}

/// A session in words.
pub fn session(
    words: &Words,
    listed: &SessionWithOrigin,
    recent: &SessionsAndEvents,
    own_id: &str,
    now: Moment,
) -> SessionRow {
    let session = &listed.session;
    let client = recent.clients.iter().find(|(id, _)| Some(id) == session.client_id.as_ref());
    let name = match (client, session.kind) {
        (Some((_, name)), _) => name.clone(),
        (None, SessionKind::Script) => words.get("sessions-script").to_owned(),
        (None, _) => {
            let label = listed.user_agent.as_deref().and_then(device_label);
            label.unwrap_or_else(|| words.get("sessions-unknown").to_owned())
        }
    };
    SessionRow {
        end_label: words.format("sessions-end-label", &[("name", name.clone().into())]),
        id: session.id.clone(),
        is_this: session.id == own_id,
        is_remembered: session.is_remembered,
        address: listed.network_address.clone(),
        began: Time::new(words, session.created_at, now),
        last_used: Time::new(words, session.last_used_at, now),
        name,
    }
}

/// An event in words; `None` for one that is no account's.
pub fn event(words: &'static Words, event: &Event, now: Moment) -> Option<EventRow> {
    let key = match event.kind {
        EventKind::RefreshTokenReused => "event-refresh-token-reused",
        EventKind::SignedIn => "event-signed-in",
        EventKind::SignedInFromNewDevice => "event-signed-in-new-device",
        EventKind::SignInsBlocked => "event-sign-ins-blocked",
        EventKind::PasswordChanged => "event-password-changed",
        EventKind::PasswordSet => "event-password-set",
        EventKind::SessionEnded => "event-session-ended",
        EventKind::OtherSessionsEnded => "event-other-sessions-ended",
        EventKind::SignedOutByAdmin => "event-signed-out-by-admin",
        EventKind::ProfileChanged => "event-profile-changed",
        EventKind::EmailChanged => "event-email-changed",
        EventKind::Disabled => "event-disabled",
        EventKind::Enabled => "event-enabled",
        EventKind::Deleted => "event-deleted",
        EventKind::SigningKeyAdded | EventKind::SigningKeyRetired | EventKind::SigningKeysResealed => return None,
    };
    let client_info: Vec<&str> = event.detail.as_deref().into_iter().chain(event.network_address.as_deref()).collect();
    Some(EventRow {
        what: words.get(key),
        client_info: client_info.join(" · "),
        time: Time::new(words, event.happened_at, now),
    })
}
