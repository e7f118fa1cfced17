//! `/account/email`: changing the account's email address by a mailed link, and cancelling a pending change.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::EmailPage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, rejection_alert};
use crate::accounts::AccountService;
use crate::authentication::{AuthService, RequestLimiter};
use crate::db::DbError;
use crate::error::AppError;
use crate::recovery::{EmailChangeRequest, cancel_email_change, find_pending_email, request_email_change};
use crate::users;
use crate::web::background::retry_after;
use crate::web::client_ip::ClientIp;
use crate::web::cookies::{self, CookieName};
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other, wait_text};

/// The fields that are kept when the session ends while the form is filled in.
const KEPT_FIELDS: [&str; 1] = ["email"];

/// The state of the form, in addition to what is stored.
#[derive(Default)]
struct EmailForm {
    status: StatusCode,
    /// The new address as it was typed.
    typed: String,
    alert: Option<Alert>,
    notice: Option<String>,
}

/// Shows the form, with the text that was typed into it before the session ended.
pub async fn show(account: AccountRequest, accounts: web::Data<AccountService>) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let Some(draft) = context.draft() else { return form(&context, &accounts, EmailForm::default()).await };
    let typed = draft.get("email").unwrap_or_default().to_owned();
    let notice = Some(context.layout().word("account-text-kept").to_owned());
    let mut response = form(&context, &accounts, EmailForm { typed, notice, ..EmailForm::default() }).await?;
    cookies::remove(&mut response, crate::web::config(&context.request), CookieName::Draft);
    Ok(response)
}

/// Requests an email change, or cancels the pending one.
pub async fn submit(
    account: AccountRequest,
    payload: web::Payload,
    accounts: web::Data<AccountService>,
    auth: web::Data<AuthService>,
    limiter: web::Data<RequestLimiter>,
) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return sign_in.redirect_keeping(payload, &KEPT_FIELDS).await,
    };
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    let email: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
    let again = |status, alert| {
        let shown = EmailForm { status, typed: email.clone(), alert: Some(alert), notice: None };
        form(&context, &accounts, shown)
    };
    if let Some(rejection) = rejection {
        return again(rejection.status(), rejection_alert(&context, rejection)).await;
    }
    let user = &context.current.user;
    if parameters.get("cancel").is_some() {
        cancel_email_change(&accounts, user.id).await?;
        return Ok(redirect_with(Notice::EmailChangeCancelled));
    }
    let words = context.layout().words;
    if !accounts.outbox().is_enabled() {
        let shown = EmailForm { status: StatusCode::UNPROCESSABLE_ENTITY, ..EmailForm::default() };
        return form(&context, &accounts, shown).await;
    }
    let Some(key) = users::email_key(&email) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "register-alert")).await;
    };
    let is_own = user.email.as_deref().and_then(users::email_key).as_ref() == Some(&key);
    if is_own && user.email_verified_at.is_some() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "email-alert-same")).await;
    }
    let typed_password = parameters.get("current").unwrap_or_default();
    if let ReauthenticationOutcome::Failed(failure) = reauthenticate(&context, &auth, typed_password).await? {
        return Ok(failure.with_retry_after(again(failure.status, failure.alert.clone()).await?));
    }
    if let Some(wait) = limit_requests(&context, &limiter, &key).await? {
        let text = wait_text(words, wait.as_secs());
        let text = words.format("email-alert-too-many-text", &[("wait", text.into())]);
        let alert = Alert { title: words.get("alert-too-many-requests-title").to_owned(), text };
        return Ok(retry_after(again(StatusCode::TOO_MANY_REQUESTS, alert).await?, wait));
    }
    let outbox = context.outbox(accounts.outbox());
    match request_email_change(&accounts, outbox, user.clone(), email.clone()).await? {
        EmailChangeRequest::Queued => Ok(redirect_with(Notice::EmailChangeRequested)),
        EmailChangeRequest::QueueFull => Err(AppError::unavailable()),
    }
}

/// Counts the request by network, by account, and by email address, whose owner may be a stranger. Returns the time to
/// wait when there were too many for one of them.
async fn limit_requests(
    context: &AccountContext,
    limiter: &RequestLimiter,
    email_key: &str,
) -> Result<Option<Duration>, DbError> {
    if let Some(wait) = limiter.limit_by_network(ClientIp::of(&context.request).0).await? {
        return Ok(Some(wait));
    }
    if let Some(wait) = limiter.limit_by_account(&format!("email {}", context.current.user.id)).await? {
        return Ok(Some(wait));
    }
    // The same name as a registration request for this address: three mails an hour from both pages together.
    limiter.limit_by_account(&format!("register {email_key}")).await
}

fn redirect_with(notice: Notice) -> HttpResponse {
    see_other(&format!("/account/email?notice={}", notice.code()))
}

async fn form(context: &AccountContext, accounts: &AccountService, shown: EmailForm) -> Result<HttpResponse, AppError> {
    let pending = find_pending_email(accounts, context.current.user.id).await?;
    let layout = context.layout();
    let user = &context.current.user;
    let EmailForm { status, typed, alert, notice } = shown;
    let is_name_an_address = user.username.contains('@');
    let page = EmailPage {
        csrf: context.csrf(),
        active_tab: "profile",
        username: user.username.clone(),
        name_stays: is_name_an_address
            .then(|| layout.words.format("email-name-stays", &[("username", user.username.clone().into())])),
        current: user.email.clone(),
        pending,
        can_change: accounts.outbox().is_enabled(),
        email: typed,
        notice: notice.or_else(|| context.notice(&layout)).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    context.page(status, &page)
}
