//! `/account/delete`: the end of an account by its own person, where the setting lets them.
//! What may not live here: what deleting is (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::asking::{Asked, ask, refusal_alert};
use super::pages::DeletePage;
use super::visit::{Arrival, Visit};
use crate::admin::{self, Deletion};
use crate::audit::{self, EventKind};
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::MailKind;
use crate::sessions;
use crate::users::LookupName;
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// So many of the sessions that end are refused here at once; all of them everywhere within a second.
const MAX_SESSIONS: i64 = 1_000;

/// The question.
pub async fn show(arrival: Arrival) -> Result<HttpResponse, AppError> {
    match arrival {
        Arrival::In(visit) if visit.config.account_deletion => form(&visit, StatusCode::OK, None),
        Arrival::In(_) => Err(AppError::not_found()),
        Arrival::Out(departure) => Ok(departure.redirect()),
    }
}

/// Deletes the account and signs this browser out.
pub async fn submit(arrival: Arrival, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) if visit.config.account_deletion => visit,
        Arrival::In(_) => return Err(AppError::not_found()),
        Arrival::Out(departure) => return Ok(departure.redirect()),
    };
    let FormPost { parameters, refusal } = form_post::read(&visit.request, payload, &visit.session, false).await?;
    if let Some(refusal) = refusal {
        return form(&visit, refusal.status(), Some(refusal_alert(&visit, refusal)));
    }
    if let Asked::Refused(refused) = ask(&visit, parameters.get("current").unwrap_or_default()).await? {
        return Ok(refused.put_on(form(&visit, refused.status, Some(refused.alert.clone()))?));
    }
    let Some(name) = LookupName::parse(&visit.current.user.username) else { return Err(AppError::not_found()) };
    let (now, user_id) = (visit.lock.clock.now(), visit.current.user.id);
    let mail = visit.mail(MailKind::AccountDeleted { username: visit.current.user.username.clone() });
    let (outbox, event) = (visit.outbox(), visit.event(EventKind::Deleted, now));
    let outcome = visit.lock.db.write(move |conn| -> Result<_, DbError> {
        let live = sessions::list_live_of_user(conn, user_id, MAX_SESSIONS)?;
        let deletion = admin::delete(conn, &name, false, now)?;
        if matches!(deletion, Deletion::Done { .. }) {
            audit::record(conn, &event)?;
            if let Some(mail) = mail {
                outbox.queue(conn, mail, now)?;
            }
        }
        Ok((deletion, live))
    });
    let (deletion, live) = outcome.await?;
    if let Deletion::LastAdmin(_) = deletion {
        let alert = Alert::named(visit.layout().words, "alert-last-admin");
        return form(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(alert));
    }
    for session in live {
        visit.lock.tokens.ended().add(&session.id, session.access_until);
    }
    visit.session.sign_out(None)?;
    let mut response = see_other(&format!("/login?notice={}", Notice::AccountDeleted.code()));
    for name in [cookies::Name::Token, cookies::Name::Proxy] {
        cookies::remove_all_forms(&visit.request, &mut response, name)?;
    }
    Ok(response)
}

fn form(visit: &Visit, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let layout = visit.layout();
    let username = visit.current.user.username.clone();
    visit.page(status, &DeletePage { csrf: visit.csrf()?, place: "profile", username, alert, layout })
}
