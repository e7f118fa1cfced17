//! `/account/sessions`: where a person is signed in, and what happened to their account lately; ending one session or all others.
//! What may not live here: the words of a row (`rows.rs`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::asking::refusal_alert;
use super::pages::SessionsPage;
use super::rows::{self, Lately};
use super::visit::{Arrival, Visit};
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
pub async fn show(arrival: Arrival) -> Result<HttpResponse, AppError> {
    match arrival {
        Arrival::In(visit) => list(&visit, StatusCode::OK, None).await,
        Arrival::Out(departure) => Ok(departure.redirect()),
    }
}

/// Ends one session, or all others.
pub async fn submit(arrival: Arrival, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return Ok(departure.redirect()),
    };
    let FormPost { parameters, refusal } = form_post::read(&visit.request, payload, &visit.session, false).await?;
    if let Some(refusal) = refusal {
        return list(&visit, refusal.status(), Some(refusal_alert(&visit, refusal))).await;
    }
    let notice = match parameters.get("end").unwrap_or_default() {
        "others" => {
            end(&visit, None).await?;
            Notice::OthersEnded
        }
        // One that had ended already, or is somebody else's: the list says what there is.
        id if sessions::is_id(id) => {
            end(&visit, Some(id.to_owned())).await?;
            Notice::OneEnded
        }
        _ => return Err(AppError::invalid_request("Invalid parameter: end. Send a session ID, or others.")),
    };
    Ok(see_other(&format!("/account/sessions?notice={}", notice.code())))
}

/// Ends the session `id`, or all but this one, and writes it down, in one transaction; here they are refused at once.
async fn end(visit: &Visit, id: Option<String>) -> Result<(), DbError> {
    let now: Moment = visit.lock.clock.now();
    let (user_id, own_id) = (visit.current.user.id, visit.current.session.id.clone());
    let kind = if id.is_some() { EventKind::SessionEnded } else { EventKind::OtherSessionsEnded };
    let event = visit.event(kind, now);
    let ended = visit.lock.db.write(move |conn| -> Result<_, DbError> {
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
        visit.lock.tokens.ended().add(&id, access_until);
    }
    Ok(())
}

async fn list(visit: &Visit, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let (user_id, lifetimes, now) = (visit.current.user.id, visit.lock.lifetimes, visit.lock.clock.now());
    let lately = visit.lock.db.read(move |conn| -> Result<_, DbError> {
        let mut sessions = sessions::list_whereabouts(conn, user_id, MAX_READ)?;
        sessions.retain(|place| lifetimes.is_live(&place.session, now));
        sessions.truncate(MAX_SHOWN);
        let client_ids: Vec<String> = sessions.iter().filter_map(|place| place.session.client_id.clone()).collect();
        let clients = if client_ids.is_empty() { Vec::new() } else { clients::list_names(conn, &client_ids)? };
        let events = audit::list_of_user(conn, user_id.0, MAX_EVENTS)?;
        Ok(Lately { sessions, clients, events })
    });
    let lately = lately.await?;
    let layout = visit.layout();
    let words = layout.words;
    let is_browser = |kind| kind == SessionKind::Browser;
    let rows_of = |wants_browsers: bool| {
        let kind = move |place: &&sessions::Whereabouts| is_browser(place.session.kind) == wants_browsers;
        lately.sessions.iter().filter(kind).map(|place| rows::session(words, place, &lately, visit)).collect::<Vec<_>>()
    };
    let page = SessionsPage {
        csrf: visit.csrf()?,
        place: "sessions",
        browsers: rows_of(true),
        programs: rows_of(false),
        has_others: lately.sessions.len() > 1,
        events: lately.events.iter().filter_map(|event| rows::event(words, event, now)).collect(),
        notice: visit.notice(&layout).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    visit.page(status, &page)
}
