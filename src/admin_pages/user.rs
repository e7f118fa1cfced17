//! `/admin/users/{id}`: one user, and what the staff can do for them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::access::{StaffContext, StaffLevel, StaffRequest};
use super::actions::{ActionContext, ActionOutcome, UserAction, perform};
use super::pages::{Choice, SessionItem, UserPage};
use super::rows::{UserRow, event_row, role_text};
use crate::account_pages::{ReauthenticationOutcome, reauthenticate, rejection_alert};
use crate::accounts::{Account, AccountService};
use crate::admin::{NamedEvent, list_events};
use crate::audit::EventFilter;
use crate::authentication::{AccountLocks, AuthService, LockState, RequestLimiter};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::error::AppError;
use crate::i18n::{TimeFormat, Translation};
use crate::sessions::{self, Lifetimes, SessionService, SessionWithOrigin};
use crate::users::{self, ADMIN_ROLE, User, UserId, UserState};
use crate::web::background::retry_after;
use crate::web::event_rows::DayRows;
use crate::web::form_post::{self, FormPost, FormState};
use crate::web::pages::{Alert, see_other};

/// The most sessions shown.
const MAX_SESSIONS: usize = 50;
/// The most sessions read, some of which have expired.
const MAX_READ: i64 = 200;
/// The most events shown.
const MAX_EVENTS: i64 = 20;

/// What the page shows of a user.
struct UserDetails {
    account: Account,
    sessions: Vec<SessionWithOrigin>,
    lock: LockState,
    events: Vec<NamedEvent>,
    all_roles: Vec<String>,
}

/// Shows a user.
pub async fn show(
    staff: StaffRequest,
    id: web::Path<String>,
    accounts: web::Data<AccountService>,
    sessions: web::Data<SessionService>,
    locks: web::Data<AccountLocks>,
) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_staff() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let id = parse_id(&id)?;
    let shown = Shown { typed_email: None, state: FormState::default() };
    page(&staff, &accounts, &locks, sessions.lifetimes(), id, shown).await
}

/// Runs an action on a user.
#[expect(clippy::too_many_arguments, reason = "each is a service that the actions use")]
pub async fn submit(
    staff: StaffRequest,
    id: web::Path<String>,
    payload: web::Payload,
    accounts: web::Data<AccountService>,
    sessions: web::Data<SessionService>,
    auth: web::Data<AuthService>,
    limiter: web::Data<RequestLimiter>,
    locks: web::Data<AccountLocks>,
) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_staff() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let (id, context) = (parse_id(&id)?, &staff.account);
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    let typed_email = parameters.get("email").map(|email| email.chars().take(256).collect::<String>());
    let again = |state| {
        let shown = Shown { typed_email: typed_email.clone(), state };
        page(&staff, &accounts, &locks, sessions.lifetimes(), id, shown)
    };
    if let Some(rejection) = rejection {
        return again(FormState::failed(rejection.status(), rejection_alert(context, rejection))).await;
    }
    let Some(action) = UserAction::parse(&parameters) else {
        return Err(AppError::invalid_request("Invalid parameter: action."));
    };
    if action.is_grave() {
        let typed_password = parameters.get("current").unwrap_or_default();
        if let ReauthenticationOutcome::Failed(failure) = reauthenticate(context, &auth, typed_password).await? {
            let response = again(FormState::failed(failure.status, failure.alert.clone())).await?;
            return Ok(failure.with_retry_after(response));
        }
    }
    let words = context.layout().words;
    if matches!(action, UserAction::SendLink(_))
        && let Some(wait) = limiter.limit_password_resets(id).await?
    {
        let state = FormState::failed(StatusCode::TOO_MANY_REQUESTS, Alert::too_many_requests(words, wait));
        return Ok(retry_after(again(state).await?, wait));
    }
    let action_context = ActionContext {
        accounts: AccountService::clone(&accounts),
        locks: AccountLocks::clone(&locks),
        member: staff.member(),
        cause: context.cause(),
    };
    match perform(action_context, id, action).await? {
        ActionOutcome::Done(notice) => Ok(see_other(&format!("/admin/users/{id}?notice={}", notice.code()))),
        ActionOutcome::Rejected(alert) => {
            again(FormState::failed(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, alert))).await
        }
        ActionOutcome::Refused | ActionOutcome::Lost => Err(AppError::forbidden()),
        ActionOutcome::NoSuchUser => Err(AppError::not_found()),
    }
}

fn parse_id(text: &str) -> Result<UserId, AppError> {
    text.parse().ok().filter(|id| *id > 0).map(UserId).ok_or_else(AppError::not_found)
}

/// The state of the forms, in addition to what is stored.
struct Shown {
    /// The address as it was typed.
    typed_email: Option<String>,
    state: FormState,
}

async fn page(
    staff: &StaffContext,
    accounts: &AccountService,
    locks: &AccountLocks,
    lifetimes: Lifetimes,
    id: UserId,
    shown: Shown,
) -> Result<HttpResponse, AppError> {
    let (now, locks) = (accounts.clock().now(), locks.clone());
    let details = accounts.read(move |conn| find(conn, &locks, lifetimes, id, now)).await?;
    let Some(details) = details else { return Err(AppError::not_found()) };
    let UserDetails { account, sessions, lock, events, all_roles } = details;
    let layout = staff.account.layout();
    let words = layout.words;
    let format = TimeFormat::new(words, staff.account.config.time_zone, now);
    let can_help = staff.level.may_help(&account.roles, staff.account.config.support_role.as_deref());
    let user = account.user.clone();
    let is_deleted = matches!(user.state, UserState::Deleted(_));
    let page = UserPage {
        csrf: staff.account.csrf(),
        active_tab: "users",
        is_admin: staff.level == StaffLevel::Admin,
        can_help: can_help && !is_deleted,
        own_username: staff.account.current.user.username.clone(),
        created: format.time(user.created_at),
        email_state: email_state(words, &user),
        email: shown.typed_email.unwrap_or_else(|| user.email.clone().unwrap_or_default()),
        password_state: password_state(words, &user, format),
        failed_sign_ins: lock_text(words, lock, format),
        is_unlockable: lock.failures > 0,
        can_mail: accounts.outbox().is_enabled() && user.email.is_some() && user.state == UserState::Active,
        // Whose sessions they are says where a person is: not shown to those who may not help them.
        sessions: if can_help { session_items(words, &sessions, format) } else { Vec::new() },
        roles: role_choices(words, &all_roles),
        days: if can_help {
            DayRows::group(events.into_iter().map(|event| event_row(words, event, format)))
        } else {
            Vec::new()
        },
        user: UserRow::new(words, account, format),
        notice: staff.account.notice(&layout).filter(|_| shown.state.alert.is_none()),
        alert: shown.state.alert,
        layout,
    };
    staff.page(shown.state.status, &page)
}

fn find(
    conn: &mut DbConnection,
    locks: &AccountLocks,
    lifetimes: Lifetimes,
    id: UserId,
    now: Moment,
) -> Result<Option<UserDetails>, DbError> {
    let Some(user) = users::find_by_id(conn, id)? else { return Ok(None) };
    let roles = users::list_roles(conn, id)?;
    let mut sessions = sessions::list_with_origin(conn, id, MAX_READ)?;
    sessions.retain(|listed| lifetimes.is_live(&listed.session, now));
    sessions.truncate(MAX_SESSIONS);
    let lock = locks.find(conn, &user, now)?;
    let filter = EventFilter { user_id: Some(id.0), ..EventFilter::default() };
    let events = list_events(conn, &filter, MAX_EVENTS)?;
    let all_roles = users::list_role_names(conn)?;
    Ok(Some(UserDetails { account: Account { user, roles }, sessions, lock, events, all_roles }))
}

fn email_state(words: &Translation, user: &User) -> String {
    let key = match (&user.email, user.email_verified_at) {
        (None, _) => "admin-email-none",
        (Some(_), Some(_)) => "admin-email-confirmed",
        (Some(_), None) => "admin-email-unconfirmed",
    };
    words.get(key).to_owned()
}

fn password_state(words: &Translation, user: &User, format: TimeFormat<'_>) -> String {
    match (&user.password_hash, user.new_password_required_at) {
        (None, _) => words.get("admin-password-none").to_owned(),
        (Some(_), None) => words.get("admin-password-set").to_owned(),
        (Some(_), Some(at)) => words.format("admin-password-required", &[("since", format.time(at).full.into())]),
    }
}

fn lock_text(words: &Translation, lock: LockState, format: TimeFormat<'_>) -> String {
    match lock.blocked_until {
        Some(until) => words.format("admin-blocked", &[("until", format.time(until).full.into())]),
        None => words.format("admin-failures", &[("count", lock.failures.into())]),
    }
}

fn session_items(words: &Translation, sessions: &[SessionWithOrigin], format: TimeFormat<'_>) -> Vec<SessionItem> {
    let item = |listed: &SessionWithOrigin| {
        let session = &listed.session;
        let name = listed.name().unwrap_or_else(|| words.get("sessions-unknown").to_owned());
        SessionItem {
            id: session.id.clone(),
            end_label: words.format("sessions-end-label", &[("name", name.clone().into())]),
            name,
            address: listed.network_address.clone(),
            last_used: format.time(session.last_used_at),
        }
    };
    sessions.iter().map(item).collect()
}

fn role_choices(words: &Translation, roles: &[String]) -> Vec<Choice> {
    let choice = |role: &String| Choice { value: role.clone(), text: role_text(words, role), is_chosen: false };
    // The role of administrators is the last: it is not chosen by accident.
    let (admin, others): (Vec<&String>, Vec<&String>) = roles.iter().partition(|role| *role == ADMIN_ROLE);
    others.into_iter().chain(admin).map(choice).collect()
}
