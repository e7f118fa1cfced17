//! `/account/sessions`: the user's sessions and recent activity, and ending one session or all others.

use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::SessionsPage;
use super::reauthentication::rejection_alert;
use super::rows::{self, SessionsAndEvents};
use crate::audit::{self, EventKind};
use crate::clock::{Clock, Moment};
use crate::db::{Db, DbConnection, DbError};
use crate::error::AppError;
use crate::i18n::TimeFormat;
use crate::links::{self, LinkPurpose};
use crate::sessions::{self, EndReason, Lifetimes, SessionKind, SessionService};
use crate::users::UserId;
use crate::web::form_post::{self, FormPost, FormState};
use crate::web::notice::Notice;
use crate::web::pages::see_other;

/// The most sessions shown; "end all others" is not limited to these.
const MAX_SHOWN: usize = 100;
/// The most sessions read, some of which have expired.
const MAX_READ: i64 = 200;
/// The most events shown.
const MAX_EVENTS: i64 = 20;

/// Shows the sessions and recent activity.
pub async fn show(
    account: AccountRequest,
    db: web::Data<Db>,
    sessions: web::Data<SessionService>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, AppError> {
    match account {
        AccountRequest::SignedIn(context) => {
            list(&context, &db, sessions.lifetimes(), clock.now(), FormState::default()).await
        }
        AccountRequest::SignedOut(sign_in) => Ok(sign_in.redirect()),
    }
}

/// Ends one session, or all others.
pub async fn submit(
    account: AccountRequest,
    payload: web::Payload,
    db: web::Data<Db>,
    sessions: web::Data<SessionService>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    if let Some(rejection) = rejection {
        let state = FormState::failed(rejection.status(), rejection_alert(&context, rejection));
        return list(&context, &db, sessions.lifetimes(), clock.now(), state).await;
    }
    let notice = match parameters.get("end").unwrap_or_default() {
        "others" => {
            end(&context, &sessions, &clock, None).await?;
            Notice::OtherSessionsEnded
        }
        // The ID of an ended session, or of another user's, changes nothing.
        id if sessions::is_id(id) => {
            end(&context, &sessions, &clock, Some(id.to_owned())).await?;
            Notice::OneSessionEnded
        }
        _ => return Err(AppError::invalid_request("Invalid parameter: end. Send a session ID, or others.")),
    };
    Ok(see_other(&format!("/account/sessions?notice={}", notice.code())))
}

/// Ends the session `id`, or all except this one, and records the event in the same transaction.
async fn end(
    context: &AccountContext,
    sessions: &SessionService,
    clock: &Clock,
    id: Option<String>,
) -> Result<(), DbError> {
    let now = clock.now();
    let (user_id, own_id) = (context.current.user.id, context.current.session.id.clone());
    let kind = if id.is_some() { EventKind::SessionEnded } else { EventKind::OtherSessionsEnded };
    let event = context.event(kind, now);
    sessions
        .write(move |conn, ended| {
            let has_ended = match id {
                Some(id) => sessions::end_of_user(conn, ended, user_id, &id, EndReason::EndedByOwner, now)?,
                None => {
                    // An attacker in one of those sessions may have requested an email change.
                    links::revoke_of_user(conn, &[LinkPurpose::Verify], user_id)?;
                    sessions::end_others_of_user(conn, ended, user_id, &own_id, EndReason::EndedByOwner, now)? > 0
                }
            };
            if has_ended {
                audit::record(conn, &event)?;
            }
            Ok(())
        })
        .await
}

async fn list(
    context: &AccountContext,
    db: &Db,
    lifetimes: Lifetimes,
    now: Moment,
    state: FormState,
) -> Result<HttpResponse, AppError> {
    let user_id = context.current.user.id;
    let recent = db.read(move |conn| find_recent(conn, user_id, lifetimes, now)).await?;
    let layout = context.layout();
    let words = layout.words;
    let own_id = &context.current.session.id;
    let format = TimeFormat::new(words, context.config.time_zone, now);
    let rows_of = |is_browser: bool| {
        let listed = recent.sessions.iter();
        listed
            .filter(|listed| (listed.session.kind == SessionKind::Browser) == is_browser)
            .map(|listed| rows::session_row(words, listed, own_id, format))
            .collect::<Vec<_>>()
    };
    let page = SessionsPage {
        csrf: context.csrf(),
        active_tab: "sessions",
        browsers: rows_of(true),
        clients: rows_of(false),
        has_others: recent.sessions.len() > 1,
        days: rows::days(words, &recent, format),
        notice: context.notice(&layout).filter(|_| state.alert.is_none()),
        alert: state.alert,
        layout,
    };
    context.page_with_script(state.status, &page)
}

fn find_recent(
    conn: &mut DbConnection,
    user_id: UserId,
    lifetimes: Lifetimes,
    now: Moment,
) -> Result<SessionsAndEvents, DbError> {
    let mut sessions = sessions::list_with_origin(conn, user_id, MAX_READ)?;
    sessions.retain(|listed| lifetimes.is_live(&listed.session, now));
    sessions.truncate(MAX_SHOWN);
    let events = audit::list_of_user(conn, user_id.0, MAX_EVENTS)?;
    let failed_sign_ins = audit::list_failed_sign_ins(conn, user_id.0)?;
    Ok(SessionsAndEvents { sessions, events, failed_sign_ins })
}
