//! Recorded events as rows of a page.

use crate::audit::{Event, EventKind};
use crate::i18n::{Time, TimeFormat, Translation};

/// An event, ready to print.
pub struct EventRow {
    /// What happened.
    pub what: String,
    /// The device and the network address; empty when unknown.
    pub origin: String,
    /// When it happened.
    pub time: Time,
    /// What only administrators see.
    pub context: EventContext,
}

/// What administrators see of an event besides what its owner sees.
#[derive(Default)]
pub struct EventContext {
    /// The ID and the username of the affected account.
    pub user: Option<(i64, String)>,
    /// Who caused it, if it was not the owner of the account.
    pub by: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// Why a sign-in failed or was rejected.
    pub reason: Option<String>,
}

/// The events of one day.
pub struct DayRows {
    /// The day.
    pub date: String,
    /// Its events.
    pub events: Vec<EventRow>,
}

impl EventRow {
    /// The row of an event, as the owner of the account sees it.
    #[must_use]
    pub fn new(words: &Translation, event: &Event, format: TimeFormat<'_>) -> Self {
        let (device, name) = match &event.detail {
            Some(name) if is_detail_a_name(event.kind) => (None, name.as_str()),
            device => (device.as_deref(), ""),
        };
        let origin: Vec<&str> = device.into_iter().chain(event.network_address.as_deref()).collect();
        let arguments = [("count", event.occurrences.into()), ("name", name.into())];
        Self {
            what: words.format(&event.kind.label_key(), &arguments),
            origin: origin.join(" · "),
            time: format.time(event.happened_at),
            context: EventContext::default(),
        }
    }
}

/// Whether the detail of an event is the name of a role, a client, a key or an invitation, and not a device.
fn is_detail_a_name(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::RoleGranted
            | EventKind::RoleRevoked
            | EventKind::RoleChanged
            | EventKind::RoleDeleted
            | EventKind::InvitationRevoked
            | EventKind::ClientAdded
            | EventKind::ClientChanged
            | EventKind::ClientSecretRotated
            | EventKind::ClientDeleted
            | EventKind::SigningKeyAdded
            | EventKind::SigningKeyRetired
    )
}

impl DayRows {
    /// Groups rows by day; their order stays.
    #[must_use]
    pub fn group(rows: impl Iterator<Item = EventRow>) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for row in rows {
            match days.last_mut().filter(|day| day.date == row.time.date) {
                Some(day) => day.events.push(row),
                None => days.push(Self { date: row.time.date.clone(), events: vec![row] }),
            }
        }
        days
    }
}
