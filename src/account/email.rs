//! `/account/email`: another address for the account, which counts once a mail to it was answered; a wish that waits is shown and can be
//! taken back. What may not live here: what a wish does (`admin`), and the page that the mail leads to (`recovery`).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::asking::{Asked, ask, refusal_alert};
use super::pages::EmailPage;
use super::visit::{Arrival, Visit};
use crate::admin;
use crate::db::DbError;
use crate::error::AppError;
use crate::links::{self, LinkPurpose};
use crate::mail::Queued;
use crate::users;
use crate::web::asking::retry_after;
use crate::web::client_ip::ClientIp;
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other, wait_text};

/// The fields whose text is kept when the session ends while the form is filled.
const FIELDS: [&str; 1] = ["email"];

/// What the form shows beside what is stored.
#[derive(Default)]
struct Shown {
    typed: String,
    alert: Option<Alert>,
    notice: Option<String>,
}

/// The form, with what was typed into it before the session ended.
pub async fn show(arrival: Arrival) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return Ok(departure.redirect()),
    };
    let Some(draft) = visit.draft() else { return form(&visit, StatusCode::OK, Shown::default()).await };
    let typed = draft.get("email").unwrap_or_default().to_owned();
    let notice = Some(visit.layout().word("account-text-kept").to_owned());
    let mut response = form(&visit, StatusCode::OK, Shown { typed, notice, alert: None }).await?;
    cookies::remove(&mut response, crate::web::config(&visit.request), cookies::Name::Draft)?;
    Ok(response)
}

/// Leaves a mail for the new address, or takes the wish back.
pub async fn submit(arrival: Arrival, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return departure.redirect_keeping(payload, &FIELDS).await,
    };
    let FormPost { parameters, refusal } = form_post::read(&visit.request, payload, &visit.session, false).await?;
    let email: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
    let again = |status, alert| form(&visit, status, Shown { typed: email.clone(), alert: Some(alert), notice: None });
    if let Some(refusal) = refusal {
        return again(refusal.status(), refusal_alert(&visit, refusal)).await;
    }
    if parameters.get("cancel").is_some() {
        cancel(&visit).await?;
        return Ok(done(Notice::EmailCancelled));
    }
    let words = visit.layout().words;
    if !visit.lock.mail.is_on() {
        return form(&visit, StatusCode::UNPROCESSABLE_ENTITY, Shown::default()).await;
    }
    let Some(key) = users::email_key(&email) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "register-alert")).await;
    };
    let user = &visit.current.user;
    let is_own = user.email.as_deref().and_then(users::email_key).as_ref() == Some(&key);
    if is_own && user.email_verified_at.is_some() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "email-alert-same")).await;
    }
    if let Asked::Refused(refused) = ask(&visit, parameters.get("current").unwrap_or_default()).await? {
        return Ok(refused.put_on(again(refused.status, refused.alert.clone()).await?));
    }
    if let Some(wait) = take_turns(&visit, &key).await? {
        let text = wait_text(words, wait.as_secs());
        let text = words.format("email-alert-too-many-text", &[("wait", text.into())]);
        let alert = Alert { title: words.get("alert-too-many-requests-title").to_owned(), text };
        return Ok(retry_after(again(StatusCode::TOO_MANY_REQUESTS, alert).await?, wait));
    }
    ask_for(&visit, email).await?;
    Ok(done(Notice::EmailAsked))
}

/// Counts the wish: by the network, by the account, and by the address, with which nobody has to do who does not answer. Returns how
/// long to wait when one of them has had its share.
async fn take_turns(visit: &Visit, key: &str) -> Result<Option<Duration>, DbError> {
    let lock = &visit.lock;
    if let Some(wait) = lock.request_from(ClientIp::of(&visit.request).0).await? {
        return Ok(Some(wait));
    }
    if let Some(wait) = lock.request_for(&format!("email {}", visit.current.user.id)).await? {
        return Ok(Some(wait));
    }
    // The same name as when an account is asked for with this address: three mails an hour from all doors together.
    lock.request_for(&format!("register {key}")).await
}

async fn ask_for(visit: &Visit, email: String) -> Result<(), DbError> {
    let (outbox, now) = (visit.outbox(), visit.lock.clock.now());
    let user = visit.current.user.clone();
    visit
        .lock
        .db
        .write(move |conn| match admin::ask_for_address(conn, &outbox, (&user, &email), now)? {
            Queued::Waiting => Ok(()),
            // Undone, so that no page says that a mail is on its way.
            Queued::Full | Queued::Off => Err(DbError::Busy),
        })
        .await
}

async fn cancel(visit: &Visit) -> Result<(), DbError> {
    let user_id = visit.current.user.id;
    visit.lock.db.write(move |conn| Ok(links::revoke_of_user(conn, &[LinkPurpose::Verify], user_id)?)).await
}

fn done(notice: Notice) -> HttpResponse {
    see_other(&format!("/account/email?notice={}", notice.code()))
}

/// The address that waits to be confirmed.
pub(super) async fn find_waiting(visit: &Visit) -> Result<Option<String>, DbError> {
    let (user_id, now) = (visit.current.user.id, visit.lock.clock.now());
    let link = visit
        .lock
        .db
        .read(move |conn| -> Result<_, DbError> { Ok(links::find_of_user(conn, LinkPurpose::Verify, user_id, now)?) });
    Ok(link.await?.and_then(|link| link.email))
}

async fn form(visit: &Visit, status: StatusCode, shown: Shown) -> Result<HttpResponse, AppError> {
    let waiting = find_waiting(visit).await?;
    let layout = visit.layout();
    let user = &visit.current.user;
    let Shown { typed, alert, notice } = shown;
    let is_name_an_address = user.username.contains('@');
    let page = EmailPage {
        csrf: visit.csrf()?,
        place: "profile",
        username: user.username.clone(),
        name_stays: is_name_an_address
            .then(|| layout.words.format("email-name-stays", &[("username", user.username.clone().into())])),
        present: user.email.clone(),
        waiting,
        can_change: visit.lock.mail.is_on(),
        email: typed,
        notice: notice.or_else(|| visit.notice(&layout)).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    visit.page(status, &page)
}
