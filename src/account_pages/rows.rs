//! Sessions and events as rows of the sessions page.

use crate::audit::{Event, EventKind};
use crate::clock::Moment;
use crate::i18n::{Time, TimeFormat, Translation};
use crate::sessions::{DeviceKind, SessionKind, SessionWithOrigin, device_label};

/// The sessions and events of the page.
pub struct SessionsAndEvents {
    pub sessions: Vec<SessionWithOrigin>,
    /// The IDs and names of the sessions' clients.
    pub clients: Vec<(String, String)>,
    pub events: Vec<Event>,
    /// Failed sign-ins, newest first.
    pub failed_sign_ins: Vec<Event>,
}

/// The most rows of failed sign-ins; a row for the rest follows. A flood must not hide other events.
const MAX_FAILED_SIGN_INS: usize = 5;

/// A session, ready to print.
pub struct SessionRow {
    pub id: String,
    /// The name of the client or the browser.
    pub name: String,
    pub device: DeviceKind,
    pub is_this: bool,
    pub is_remembered: bool,
    pub address: Option<String>,
    pub began: Time,
    pub last_used: Time,
    /// The label of its button for screen readers, which includes the name.
    pub end_label: String,
}

/// An event, ready to print.
pub struct EventRow {
    pub what: String,
    /// The device and the network address; empty when unknown.
    pub origin: String,
    pub time: Time,
}

/// The events of one day.
pub struct DayRows {
    pub date: String,
    pub events: Vec<EventRow>,
}

/// Returns the row of a session. `own_id` is the session of this browser.
pub fn session_row(
    words: &Translation,
    listed: &SessionWithOrigin,
    recent: &SessionsAndEvents,
    own_id: &str,
    format: TimeFormat<'_>,
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
        device: match (session.kind, &listed.user_agent) {
            (SessionKind::Browser, Some(user_agent)) => DeviceKind::of(user_agent),
            (SessionKind::Browser, None) => DeviceKind::Desktop,
            _ => DeviceKind::Program,
        },
        is_this: session.id == own_id,
        is_remembered: session.is_remembered,
        address: listed.network_address.clone(),
        began: format.time(session.created_at),
        last_used: format.time(session.last_used_at),
        name,
    }
}

/// Returns the events by day, newest first.
pub fn days(words: &Translation, recent: &SessionsAndEvents, format: TimeFormat<'_>) -> Vec<DayRows> {
    let (shown, rest) = recent.failed_sign_ins.split_at(recent.failed_sign_ins.len().min(MAX_FAILED_SIGN_INS));
    let mut rows: Vec<(Moment, EventRow)> = recent
        .events
        .iter()
        .chain(shown)
        .filter_map(|event| Some((event.happened_at, event_row(words, event, format)?)))
        .collect();
    if let Some(newest) = rest.first() {
        let count: i64 = rest.iter().map(|event| event.occurrences).sum();
        let what = words.format("event-sign-in-failed-more", &[("count", count.into())]);
        rows.push((
            newest.happened_at,
            EventRow { what, origin: String::new(), time: format.time(newest.happened_at) },
        ));
    }
    // Stable: events of one moment keep their order.
    rows.sort_by_key(|(happened_at, _)| std::cmp::Reverse(*happened_at));
    let mut days: Vec<DayRows> = Vec::new();
    for (_, row) in rows {
        match days.last_mut().filter(|day| day.date == row.time.date) {
            Some(day) => day.events.push(row),
            None => days.push(DayRows { date: row.time.date.clone(), events: vec![row] }),
        }
    }
    days
}

/// Returns the row of an event; `None` for an event of the server instead of an account.
fn event_row(words: &Translation, event: &Event, format: TimeFormat<'_>) -> Option<EventRow> {
    let key = match event.kind {
        EventKind::RefreshTokenReused => "event-refresh-token-reused",
        EventKind::SignedIn => "event-signed-in",
        EventKind::SignedInFromNewDevice => "event-signed-in-new-device",
        EventKind::SignInFailed => "event-sign-in-failed",
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
    let origin: Vec<&str> = event.detail.as_deref().into_iter().chain(event.network_address.as_deref()).collect();
    Some(EventRow {
        what: words.format(key, &[("count", event.occurrences.into())]),
        origin: origin.join(" · "),
        time: format.time(event.happened_at),
    })
}
