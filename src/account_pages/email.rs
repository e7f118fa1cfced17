//! `/account/email`: another address for the account, which counts once a mail to it was answered; a wish that waits is shown and can be
//! taken back. What may not live here: what a wish does (`admin`), and the page that the mail leads to (`recovery`).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::EmailPage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, refusal_alert};
use crate::admin;
use crate::db::DbError;
use crate::error::AppError;
use crate::links::{self, LinkPurpose};
use crate::mail::Queued;
use crate::users;
use crate::web::background::retry_after;
use crate::web::client_ip::ClientIp;
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other, wait_text};

/// The fields whose text is kept when the session ends while the form is filled.
const FIELDS: [&str; 1] = ["email"];

/// What the form shows beside what is stored.
#[derive(Default)]
struct EmailForm {
    typed: String,
    alert: Option<Alert>,
    notice: Option<String>,
}

/// The form, with what was typed into it before the session ended.
pub async fn show(account: AccountRequest) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let Some(draft) = context.draft() else { return form(&context, StatusCode::OK, EmailForm::default()).await };
    let typed = draft.get("email").unwrap_or_default().to_owned();
    let notice = Some(context.layout().word("account-text-kept").to_owned());
    let mut response = form(&context, StatusCode::OK, EmailForm { typed, notice, alert: None }).await?;
    cookies::remove(&mut response, crate::web::config(&context.request), cookies::Name::Draft)?;
    Ok(response)
}

/// Leaves a mail for the new address, or takes the wish back.
pub async fn submit(account: AccountRequest, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return sign_in.redirect_keeping(payload, &FIELDS).await,
    };
    let FormPost { parameters, refusal } = form_post::read(&context.request, payload, &context.session, false).await?;
    let email: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
    let again =
        |status, alert| form(&context, status, EmailForm { typed: email.clone(), alert: Some(alert), notice: None });
    if let Some(refusal) = refusal {
        return again(refusal.status(), refusal_alert(&context, refusal)).await;
    }
    if parameters.get("cancel").is_some() {
        cancel(&context).await?;
        return Ok(done(Notice::EmailCancelled));
    }
    let words = context.layout().words;
    if !context.lock.mail.is_on() {
        return form(&context, StatusCode::UNPROCESSABLE_ENTITY, EmailForm::default()).await;
    }
    let Some(key) = users::email_key(&email) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "register-alert")).await;
    };
    let user = &context.current.user;
    let is_own = user.email.as_deref().and_then(users::email_key).as_ref() == Some(&key);
    if is_own && user.email_verified_at.is_some() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "email-alert-same")).await;
    }
    if let ReauthenticationOutcome::Refused(refused) =
        reauthenticate(&context, parameters.get("current").unwrap_or_default()).await?
    {
        return Ok(refused.put_on(again(refused.status, refused.alert.clone()).await?));
    }
    if let Some(wait) = limit_requests(&context, &key).await? {
        let text = wait_text(words, wait.as_secs());
        let text = words.format("email-alert-too-many-text", &[("wait", text.into())]);
        let alert = Alert { title: words.get("alert-too-many-requests-title").to_owned(), text };
        return Ok(retry_after(again(StatusCode::TOO_MANY_REQUESTS, alert).await?, wait));
    }
    ask_for(&context, email).await?;
    Ok(done(Notice::EmailAsked))
}

/// Counts the wish: by the network, by the account, and by the address, with which nobody has to do who does not answer. Returns how
/// long to wait when one of them has had its share.
async fn limit_requests(context: &AccountContext, key: &str) -> Result<Option<Duration>, DbError> {
    let lock = &context.lock;
    if let Some(wait) = lock.limit_by_network(ClientIp::of(&context.request).0).await? {
        return Ok(Some(wait));
    }
    if let Some(wait) = lock.limit_by_account(&format!("email {}", context.current.user.id)).await? {
        return Ok(Some(wait));
    }
    // The same name as when an account is asked for with this address: three mails an hour from all doors together.
    lock.limit_by_account(&format!("register {key}")).await
}

async fn ask_for(context: &AccountContext, email: String) -> Result<(), DbError> {
    let (outbox, now) = (context.outbox(), context.lock.clock.now());
    let user = context.current.user.clone();
    context
        .lock
        .db
        .write(move |conn| match admin::ask_for_address(conn, &outbox, (&user, &email), now)? {
            Queued::Waiting => Ok(()),
            // Undone, so that no page says that a mail is on its way.
            Queued::Full | Queued::Off => Err(DbError::Busy),
        })
        .await
}

async fn cancel(context: &AccountContext) -> Result<(), DbError> {
    let user_id = context.current.user.id;
    context.lock.db.write(move |conn| Ok(links::revoke_of_user(conn, &[LinkPurpose::Verify], user_id)?)).await
}

fn done(notice: Notice) -> HttpResponse {
    see_other(&format!("/account/email?notice={}", notice.code()))
}

/// The address that waits to be confirmed.
pub(super) async fn find_waiting(context: &AccountContext) -> Result<Option<String>, DbError> {
    let (user_id, now) = (context.current.user.id, context.lock.clock.now());
    let link = context
        .lock
        .db
        .read(move |conn| -> Result<_, DbError> { Ok(links::find_of_user(conn, LinkPurpose::Verify, user_id, now)?) });
    Ok(link.await?.and_then(|link| link.email))
}

async fn form(context: &AccountContext, status: StatusCode, shown: EmailForm) -> Result<HttpResponse, AppError> {
    let waiting = find_waiting(context).await?;
    let layout = context.layout();
    let user = &context.current.user;
    let EmailForm { typed, alert, notice } = shown;
    let is_name_an_address = user.username.contains('@');
    let page = EmailPage {
        csrf: context.csrf()?,
        active_tab: "profile",
        username: user.username.clone(),
        name_stays: is_name_an_address
            .then(|| layout.words.format("email-name-stays", &[("username", user.username.clone().into())])),
        present: user.email.clone(),
        waiting,
        can_change: context.lock.mail.is_on(),
        email: typed,
        notice: notice.or_else(|| context.notice(&layout)).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    context.page(status, &page)
}
