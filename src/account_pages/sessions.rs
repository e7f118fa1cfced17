//! `/account/sessions`: where a person is signed in, and what happened to their account recent; ending one session or all others.
//! What may not live here: the words of a row (`rows.rs`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::SessionsPage;
use super::reauthentication::refusal_alert;
use super::rows::{self, SessionsAndEvents};
use crate::audit::{self, EventKind};
use crate::clients;
use crate::clock::Moment;
use crate::db::DbError;
use crate::error::AppError;
use crate::links::{self, LinkPurpose};
use crate::sessions::{self, EndReason, SessionKind};
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// The most sessions that are shown; "end all others" ends all.
const MAX_SHOWN: usize = 100;
/// More are read, for some have run out.
const MAX_READ: i64 = 200;
/// The most events that are shown.
const MAX_EVENTS: i64 = 20;

/// The list.
pub async fn show(account: AccountRequest) -> Result<HttpResponse, AppError> {
    match account {
        AccountRequest::SignedIn(context) => list(&context, StatusCode::OK, None).await,
        AccountRequest::SignedOut(sign_in) => Ok(sign_in.redirect()),
    }
}

/// Ends one session, or all others.
pub async fn submit(account: AccountRequest, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let FormPost { parameters, refusal } = form_post::read(&context.request, payload, &context.session, false).await?;
    if let Some(refusal) = refusal {
        return list(&context, refusal.status(), Some(refusal_alert(&context, refusal))).await;
    }
    let notice = match parameters.get("end").unwrap_or_default() {
        "others" => {
            end(&context, None).await?;
            Notice::OthersEnded
        }
        // One that had ended already, or is somebody else's: the list says what there is.
        id if sessions::is_id(id) => {
            end(&context, Some(id.to_owned())).await?;
            Notice::OneEnded
        }
        _ => return Err(AppError::invalid_request("Invalid parameter: end. Send a session ID, or others.")),
    };
    Ok(see_other(&format!("/account/sessions?notice={}", notice.code())))
}

/// Ends the session `id`, or all but this one, and writes it down, in one transaction; here they are refused at once.
async fn end(context: &AccountContext, id: Option<String>) -> Result<(), DbError> {
    let now: Moment = context.lock.clock.now();
    let (user_id, own_id) = (context.current.user.id, context.current.session.id.clone());
    let kind = if id.is_some() { EventKind::SessionEnded } else { EventKind::OtherSessionsEnded };
    let event = context.event(kind, now);
    let ended = context.lock.db.write(move |conn| -> Result<_, DbError> {
        let ended = match id {
            Some(id) => {
                let until = sessions::end_of_user(conn, user_id, &id, EndReason::EndedByOwner, now)?;
                until.map(|until| (id, until)).into_iter().collect()
            }
            None => {
                // A stranger at one of them may have begun it.
                links::revoke_of_user(conn, &[LinkPurpose::Verify], user_id)?;
                sessions::end_others_of_user(conn, user_id, &own_id, EndReason::EndedByOwner, now)?
            }
        };
        if !ended.is_empty() {
            audit::record(conn, &event)?;
        }
        Ok(ended)
    });
    for (id, access_until) in ended.await? {
        context.lock.tokens.revoked().add(&id, access_until);
    }
    Ok(())
}

async fn list(context: &AccountContext, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let (user_id, lifetimes, now) = (context.current.user.id, context.lock.lifetimes, context.lock.clock.now());
    let recent = context.lock.db.read(move |conn| -> Result<_, DbError> {
        let mut sessions = sessions::list_with_origin(conn, user_id, MAX_READ)?;
        sessions.retain(|place| lifetimes.is_live(&place.session, now));
        sessions.truncate(MAX_SHOWN);
        let client_ids: Vec<String> = sessions.iter().filter_map(|place| place.session.client_id.clone()).collect();
        let clients = if client_ids.is_empty() { Vec::new() } else { clients::list_names(conn, &client_ids)? };
        let events = audit::list_of_user(conn, user_id.0, MAX_EVENTS)?;
        Ok(SessionsAndEvents { sessions, clients, events })
    });
    let recent = recent.await?;
    let layout = context.layout();
    let words = layout.words;
    let is_browser = |kind| kind == SessionKind::Browser;
    let rows_of = |wants_browsers: bool| {
        let kind = move |place: &&sessions::SessionWithOrigin| is_browser(place.session.kind) == wants_browsers;
        recent
            .sessions
            .iter()
            .filter(kind)
            .map(|place| rows::session(words, place, &recent, context))
            .collect::<Vec<_>>()
    };
    let page = SessionsPage {
        csrf: context.csrf()?,
        active_tab: "sessions",
        browsers: rows_of(true),
        programs: rows_of(false),
        has_others: recent.sessions.len() > 1,
        events: recent.events.iter().filter_map(|event| rows::event(words, event, now)).collect(),
        notice: context.notice(&layout).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    context.page(status, &page)
}
