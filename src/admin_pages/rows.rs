//! Users and events as rows of the pages.

use crate::accounts::Account;
use crate::admin::NamedEvent;
use crate::audit::Actor;
use crate::i18n::{Time, TimeFormat, Translation};
use crate::users::{ADMIN_ROLE, UserState};
use crate::web::event_rows::{EventContext, EventRow};

/// A user in the list.
pub struct UserRow {
    pub id: i64,
    pub username: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub state: String,
    pub is_active: bool,
    pub roles: Vec<String>,
    pub last_signed_in: Option<Time>,
}

impl UserRow {
    pub fn new(words: &Translation, account: Account, format: TimeFormat<'_>) -> Self {
        let Account { user, roles } = account;
        Self {
            id: user.id.0,
            state: state_text(words, user.state),
            is_active: user.state == UserState::Active,
            roles: roles.iter().map(|role| role_text(words, role)).collect(),
            last_signed_in: user.last_signed_in_at.map(|at| format.time(at)),
            username: user.username,
            display_name: user.display_name,
            email: user.email,
        }
    }
}

/// The name of a state.
pub fn state_text(words: &Translation, state: UserState) -> String {
    let key = match state {
        UserState::Active => "admin-state-active",
        UserState::Disabled(_) => "admin-state-disabled",
        UserState::Deleted(_) => "admin-state-deleted",
    };
    words.get(key).to_owned()
}

/// The name of a role for people.
pub fn role_text(words: &Translation, role: &str) -> String {
    if role == ADMIN_ROLE { words.get("role-admin").to_owned() } else { role.to_owned() }
}

/// An event as administrators see it.
pub fn event_row(words: &Translation, named: NamedEvent, format: TimeFormat<'_>) -> EventRow {
    let NamedEvent { listed, username, actor_username, client_name } = named;
    let event = &listed.event;
    let by = match event.actor {
        Actor::Anyone => None,
        Actor::User(id) if Some(id) == event.user_id => None,
        Actor::User(id) => Some(actor_username.unwrap_or_else(|| id.to_string())),
        Actor::Command => Some(words.get("admin-by-command").to_owned()),
        Actor::Server => Some(words.get("admin-by-server").to_owned()),
    };
    let reason = event.reason.as_ref().map(|reason| {
        let key = format!("admin-reason-{}", reason.replace('_', "-"));
        words.find(&key).unwrap_or(reason).to_owned()
    });
    let context = EventContext {
        user: event.user_id.map(|id| (id, username.unwrap_or_else(|| id.to_string()))),
        by,
        client: client_name.or_else(|| event.client_id.clone()),
        reason,
    };
    EventRow { context, ..EventRow::new(words, event, format) }
}
