//! Askama templates of these pages.

use askama::Template;

use super::rows::UserRow;
use crate::i18n::Time;
use crate::web::event_rows::DayRows;
use crate::web::pages::{Alert, Layout};

/// A choice of a list box.
pub struct Choice {
    pub value: String,
    pub text: String,
    pub is_chosen: bool,
}

/// The list of users.
#[derive(Template)]
#[template(path = "admin_users.html")]
pub struct UsersPage {
    pub layout: Layout,
    pub active_tab: &'static str,
    pub is_admin: bool,
    /// The text that is searched for.
    pub search: String,
    pub states: Vec<Choice>,
    pub roles: Vec<Choice>,
    pub users: Vec<UserRow>,
    /// The addresses of the pages before and after this one.
    pub previous: Option<String>,
    pub next: Option<String>,
    pub can_invite: bool,
    pub notice: Option<String>,
}

/// A session of a user.
pub struct SessionItem {
    pub id: String,
    pub name: String,
    pub address: Option<String>,
    pub last_used: Time,
    /// The label of its button for screen readers, which includes the name.
    pub end_label: String,
}

/// One user.
#[derive(Template)]
#[template(path = "admin_user.html")]
#[expect(clippy::struct_excessive_bools, reason = "each shows a part of the page")]
pub struct UserPage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub is_admin: bool,
    /// Whether this person may change this user.
    pub can_help: bool,
    /// The username of the person at this browser, for password managers.
    pub own_username: String,
    pub user: UserRow,
    pub created: Time,
    pub email_state: String,
    pub email: String,
    pub password_state: String,
    pub failed_sign_ins: String,
    pub is_unlockable: bool,
    pub can_mail: bool,
    pub sessions: Vec<SessionItem>,
    pub roles: Vec<Choice>,
    pub days: Vec<DayRows>,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// The form that invites a person.
#[derive(Template)]
#[template(path = "admin_invite.html")]
pub struct InvitePage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub is_admin: bool,
    pub email: String,
    pub roles: Vec<Choice>,
    pub alert: Option<Alert>,
}

/// The events.
#[derive(Template)]
#[template(path = "admin_events.html")]
pub struct EventsPage {
    pub layout: Layout,
    pub active_tab: &'static str,
    pub is_admin: bool,
    pub username: String,
    pub kinds: Vec<Choice>,
    pub periods: Vec<Choice>,
    pub days: Vec<DayRows>,
    /// The address of the page with older events.
    pub older: Option<String>,
    pub alert: Option<Alert>,
}

/// A client in the list.
pub struct ClientRow {
    pub name: String,
    pub id: String,
    pub grants: String,
    pub scopes: String,
    pub secret_changed: Time,
}

/// The clients.
#[derive(Template)]
#[template(path = "admin_clients.html")]
pub struct ClientsPage {
    pub layout: Layout,
    pub active_tab: &'static str,
    pub is_admin: bool,
    pub clients: Vec<ClientRow>,
}

/// A signing key in the list.
pub struct KeyRow {
    pub kid: String,
    pub algorithm: String,
    pub state: String,
    pub signs_from: Time,
    pub live_tokens: i64,
}

/// The signing keys.
#[derive(Template)]
#[template(path = "admin_keys.html")]
pub struct KeysPage {
    pub layout: Layout,
    pub active_tab: &'static str,
    pub is_admin: bool,
    /// `None` with HS256, which has no keys.
    pub keys: Option<Vec<KeyRow>>,
}
