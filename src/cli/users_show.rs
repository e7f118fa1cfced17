//! The command `vestibule users show`.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::audit::EventView;
use super::output::{self, UserView, failure, no_such_user, print_value, rfc3339, rfc3339_seconds};
use super::services;
use super::users::lookup;
use super::users_args::ShowArgs;
use crate::accounts::{Account, AccountService};
use crate::admin::{NamedEvent, list_events};
use crate::audit::EventFilter;
use crate::authentication::{AccountLocks, LockState};
use crate::config::Config;
use crate::db::{DbConnection, DbError};
use crate::ops::server_key;
use crate::sessions::{SessionKind, SessionWithOrigin};
use crate::users::{User, UserState};

/// The events that are shown.
const MAX_EVENTS: i64 = 10;
/// The sessions that are shown as text.
const MAX_SESSIONS: usize = 20;

pub(super) async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let ShowArgs { name, json, settings } = args;
    let config = settings.check()?;
    let accounts = services::accounts(&config)?;
    let key = lookup(&name)?;
    let Some(account) = accounts.show(&key).await? else {
        return match accounts.find_even_deleted(&key).await? {
            Some(User { state: UserState::Deleted(at), username, .. }) => {
                Err(failure(format!("no such user: {username} was deleted on {}", rfc3339_seconds(at))))
            }
            _ => Err(no_such_user(&name)),
        };
    };
    let sessions = services::admin(&config)?.list_sessions(&key).await?;
    let Some(sessions) = sessions else { return Err(no_such_user(&name)) };
    let (lock, events) = find_activity(&config, &accounts, account.user.clone()).await?;
    if json {
        let view = DetailView {
            user: UserView::new(&account),
            live_sessions: sessions.len(),
            sessions: sessions.iter().map(session_view).collect(),
            failed_sign_ins: lock.map(|lock| lock.failures),
            blocked_until: lock.and_then(|lock| lock.blocked_until).map(rfc3339),
            recent_events: events.iter().map(EventView::new).collect(),
        };
        return print_value(true, &view, "");
    }
    let mut lines = field_lines(&account, sessions.len(), lock);
    lines.extend(session_lines(&sessions));
    lines.extend(event_lines(&events));
    print_value(false, &json!(null), &lines.join("\n"))
}

/// The state of the lock, if the server key can be had, and the newest events.
async fn find_activity(
    config: &Config,
    accounts: &AccountService,
    user: User,
) -> anyhow::Result<(Option<LockState>, Vec<NamedEvent>)> {
    let reader = server_key::find(config)?.map(|(key, _)| AccountLocks::new(&key, config.throttling));
    let now = accounts.clock().now();
    let read = move |conn: &mut DbConnection| -> Result<_, DbError> {
        let lock = reader.as_ref().map(|reader| reader.find(conn, &user, now)).transpose()?;
        let filter = EventFilter { user_id: Some(user.id.0), ..EventFilter::default() };
        Ok((lock, list_events(conn, &filter, MAX_EVENTS)?))
    };
    Ok(accounts.read(read).await?)
}

fn field_lines(account: &Account, live_sessions: usize, lock: Option<LockState>) -> Vec<String> {
    let user = &account.user;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let state = match user.state {
        UserState::Disabled(at) => format!("disabled since {}", rfc3339_seconds(at)),
        state => output::state_word(state).to_owned(),
    };
    let password = match (&user.password_hash, user.new_password_required_at) {
        (None, _) => "none".to_owned(),
        (Some(_), None) => "set".to_owned(),
        (Some(_), Some(at)) => format!("a new one is required since {}", rfc3339_seconds(at)),
    };
    let email = user.email.clone().map(|email| match user.email_verified_at {
        Some(_) => format!("{email} (confirmed)"),
        None => format!("{email} (not confirmed)"),
    });
    let lock = match lock {
        None => "unknown without the server key: set SERVER_KEY or SERVER_KEY_FILE".to_owned(),
        Some(LockState { failures, blocked_until: None }) => failures.to_string(),
        Some(LockState { failures, blocked_until: Some(until) }) => {
            format!("{failures}; sign-ins are rejected until {}", rfc3339_seconds(until))
        }
    };
    let lines = [
        ("id", user.id.to_string()),
        ("username", user.username.clone()),
        ("display name", or_dash(user.display_name.clone())),
        ("email", or_dash(email)),
        ("language", or_dash(user.language.clone())),
        ("roles", or_dash((!account.roles.is_empty()).then(|| account.roles.join(", ")))),
        ("state", state),
        ("password", password),
        ("created", rfc3339_seconds(user.created_at)),
        ("last sign-in", or_dash(user.last_signed_in_at.map(rfc3339_seconds))),
        ("failed sign-ins", lock),
        ("live sessions", live_sessions.to_string()),
    ];
    lines.iter().map(|(name, value)| format!("{name:<17}{value}")).collect()
}

fn session_lines(sessions: &[SessionWithOrigin]) -> Vec<String> {
    let mut lines: Vec<String> = sessions
        .iter()
        .take(MAX_SESSIONS)
        .map(|listed| {
            let address = listed.network_address.as_deref().unwrap_or("-");
            let used = rfc3339_seconds(listed.session.last_used_at);
            format!("  {}  {}, {address}, last used {used}", listed.session.id, session_name(listed))
        })
        .collect();
    if let Some(more @ 1..) = sessions.len().checked_sub(MAX_SESSIONS) {
        lines.push(format!("  … and {more} more"));
    }
    lines
}

fn event_lines(events: &[NamedEvent]) -> Vec<String> {
    let heading = (!events.is_empty()).then(|| "recent events".to_owned());
    let line = |named: &NamedEvent| {
        let event = &named.listed.event;
        let details: Vec<&str> =
            [&event.reason, &event.detail, &event.network_address].into_iter().flatten().map(String::as_str).collect();
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
        format!("  {}  {}{details}", rfc3339_seconds(event.happened_at), event.kind.as_str())
    };
    heading.into_iter().chain(events.iter().map(line)).collect()
}

/// The client or the browser of a session.
pub(super) fn session_name(listed: &SessionWithOrigin) -> String {
    listed.name().unwrap_or_else(|| kind_name(listed.session.kind).replace('_', " "))
}

fn kind_name(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Browser => "browser",
        SessionKind::PasswordGrant => "password_grant",
        SessionKind::ClientCredentials => "client_credentials",
        SessionKind::Script => "script",
    }
}

/// A user in the `--json` output of `users show`.
#[derive(Serialize)]
struct DetailView<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    live_sessions: usize,
    sessions: Vec<serde_json::Value>,
    failed_sign_ins: Option<i64>,
    blocked_until: Option<String>,
    recent_events: Vec<EventView<'a>>,
}

/// A session in `--json` output.
pub(super) fn session_view(listed: &SessionWithOrigin) -> serde_json::Value {
    let session = &listed.session;
    json!({
        "id": session.id,
        "kind": kind_name(session.kind),
        "name": session_name(listed),
        "client_id": session.client_id,
        "network_address": listed.network_address,
        "created_at": rfc3339(session.created_at),
        "last_used_at": rfc3339(session.last_used_at),
    })
}
