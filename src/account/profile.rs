//! `/account/profile`: what a person is called. What may not live here: the rule on names (`users`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::asking::refusal_alert;
use super::pages::ProfilePage;
use super::visit::{Arrival, Visit};
use crate::audit::{self, EventKind};
use crate::db::DbError;
use crate::error::AppError;
use crate::users;
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// The fields whose text is kept when the session ends while the form is filled.
const FIELDS: [&str; 1] = ["display_name"];

/// The form, with what was typed into it before the session ended.
pub async fn show(arrival: Arrival) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return Ok(departure.redirect()),
    };
    let draft = visit.draft();
    let stored = visit.current.user.display_name.clone().unwrap_or_default();
    let typed = draft.as_ref().and_then(|draft| draft.get("display_name")).map_or(stored, str::to_owned);
    let notice = draft.as_ref().map(|_| visit.layout().word("account-text-kept").to_owned());
    let mut response = form(&visit, StatusCode::OK, typed, None, notice)?;
    if draft.is_some() {
        cookies::remove(&mut response, crate::web::config(&visit.request), cookies::Name::Draft)?;
    }
    Ok(response)
}

/// Saves it.
pub async fn submit(arrival: Arrival, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return departure.redirect_keeping(payload, &FIELDS).await,
    };
    let FormPost { parameters, refusal } = form_post::read(&visit.request, payload, &visit.session, false).await?;
    let typed: String = parameters.get("display_name").unwrap_or_default().chars().take(256).collect();
    let typed = typed.trim().to_owned();
    if let Some(refusal) = refusal {
        return form(&visit, refusal.status(), typed, Some(refusal_alert(&visit, refusal)), None);
    }
    if !typed.is_empty() && !users::is_display_name(&typed) {
        let layout = visit.layout();
        let alert = Alert {
            title: layout.word("profile-alert-title").to_owned(),
            text: layout.words.format("display-name-invalid", &[("max", users::MAX_DISPLAY_NAME.into())]),
        };
        return form(&visit, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(alert), None);
    }
    save(&visit, Some(typed).filter(|name| !name.is_empty())).await?;
    Ok(see_other(&format!("/account/profile?notice={}", Notice::ProfileSaved.code())))
}

async fn save(visit: &Visit, display_name: Option<String>) -> Result<(), DbError> {
    let user = &visit.current.user;
    if user.display_name == display_name {
        return Ok(());
    }
    let (id, event) = (user.id, visit.event(EventKind::ProfileChanged, visit.lock.clock.now()));
    visit
        .lock
        .db
        .write(move |conn| {
            users::set_display_name(conn, id, display_name.as_deref())?;
            Ok(audit::record(conn, &event)?)
        })
        .await
}

fn form(
    visit: &Visit,
    status: StatusCode,
    display_name: String,
    alert: Option<Alert>,
    notice: Option<String>,
) -> Result<HttpResponse, AppError> {
    let layout = visit.layout();
    let user = &visit.current.user;
    let page = ProfilePage {
        csrf: visit.csrf()?,
        place: "profile",
        username: user.username.clone(),
        display_name,
        email: user.email.clone(),
        can_delete: visit.config.account_deletion,
        notice: notice.or_else(|| visit.notice(&layout)).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    visit.page(status, &page)
}
