//! Sessions and events as rows of the sessions page.

use crate::audit::Event;
use crate::clock::Moment;
use crate::i18n::{Time, TimeFormat, Translation};
use crate::sessions::{DeviceKind, SessionKind, SessionWithOrigin};
use crate::web::event_rows::{DayRows, EventRow};

/// The sessions and events of the page.
pub struct SessionsAndEvents {
    pub sessions: Vec<SessionWithOrigin>,
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

/// Returns the row of a session. `own_id` is the session of this browser.
pub fn session_row(
    words: &Translation,
    listed: &SessionWithOrigin,
    own_id: &str,
    format: TimeFormat<'_>,
) -> SessionRow {
    let session = &listed.session;
    let unknown =
        || words.get(if session.kind == SessionKind::Script { "sessions-script" } else { "sessions-unknown" });
    let name = listed.name().unwrap_or_else(|| unknown().to_owned());
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
        .map(|event| (event.happened_at, EventRow::new(words, event, format)))
        .collect();
    if let Some(newest) = rest.first() {
        let count: i64 = rest.iter().map(|event| event.occurrences).sum();
        let what = words.format("event-sign-in-failed-more", &[("count", count.into())]);
        rows.push((
            newest.happened_at,
            EventRow { what, origin: String::new(), ..EventRow::new(words, newest, format) },
        ));
    }
    // Stable: events of one moment keep their order.
    rows.sort_by_key(|(happened_at, _)| std::cmp::Reverse(*happened_at));
    DayRows::group(rows.into_iter().map(|(_, row)| row))
}
