//! `/password/forgot`: the page that requests a password-reset link by mail.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::ForgotPage;
use super::password_reset::{ResetMail, find_reachable, mail_reset_link};
use crate::accounts::AccountService;
use crate::authentication::RequestLimiter;
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::Outbox;
use crate::web::background::{self, retry_after};
use crate::web::client_ip::ClientIp;
use crate::web::error_page::ErrorPage;
use crate::web::form_post::{self, FormPost, FormState, MAIL_QUEUE_WAIT};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html, see_other};
use crate::web::session::BrowserSession;

/// The most bytes of a username or an email address.
const MAX_LOGIN_BYTES: usize = 256;

/// Shows the form or, without a mail server, whom to ask.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(&request);
    if !accounts.outbox().is_enabled() {
        return no_mail_page(layout);
    }
    form(layout, &session, String::new(), FormState::default())
}

/// Accepts a request. The response, its statements and its time are the same for every name and do not reveal whether
/// an account exists: the work that depends on the name runs after the response.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    limiter: web::Data<RequestLimiter>,
    ClientIp(client_ip): ClientIp,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, rejection } = form_post::read(&request, payload, &session, true).await?;
    let layout = Layout::new(&request);
    let words = layout.words;
    if !accounts.outbox().is_enabled() {
        return no_mail_page(layout);
    }
    let login: String = parameters.get("login").unwrap_or_default().trim().chars().take(MAX_LOGIN_BYTES).collect();
    if let Some(rejection) = rejection {
        return form(layout, &session, login, FormState::rejected(rejection, words, &request));
    }
    if login.is_empty() || login.len() > MAX_LOGIN_BYTES || login.contains('\0') {
        let alert = Alert::named(words, "forgot-alert");
        return form(layout, &session, login, FormState::failed(StatusCode::UNPROCESSABLE_ENTITY, alert));
    }
    if let Some(wait) = limiter.limit_by_network(client_ip).await? {
        let state = FormState::failed(StatusCode::TOO_MANY_REQUESTS, Alert::too_many_requests(words, wait));
        return Ok(retry_after(form(layout, &session, login, state)?, wait));
    }
    if !accounts.has_room_for_mail(true).await? {
        let state = FormState::mail_queue_full(words);
        return Ok(retry_after(form(layout, &session, login, state)?, MAIL_QUEUE_WAIT));
    }
    let outbox = accounts.outbox().with_fallback_language(Some(words.language()));
    background::spawn_bounded(async move { mail_links(&accounts, &limiter, outbox, login).await })?;
    Ok(see_other(&format!("/login?notice={}", Notice::PasswordResetRequested.code())))
}

/// Queues a mail for each account that the text may mean, at most three in half an hour.
async fn mail_links(
    accounts: &AccountService,
    limiter: &RequestLimiter,
    outbox: Outbox,
    login: String,
) -> Result<(), DbError> {
    for user in find_reachable(accounts, login).await? {
        let user_id = user.id.0;
        if limiter.limit_password_resets(user.id).await?.is_some() {
            tracing::info!(user_id, "password reset request dropped: too many for this account");
            continue;
        }
        if mail_reset_link(accounts, outbox.clone(), user).await? == ResetMail::QueueFull {
            tracing::warn!(user_id, "password reset request dropped: the mail queue is full");
        }
    }
    Ok(())
}

fn form(layout: Layout, session: &BrowserSession, login: String, state: FormState) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, state.rejection);
    html(state.status, &ForgotPage { layout, csrf, login, alert: state.alert })
}

fn no_mail_page(layout: Layout) -> Result<HttpResponse, AppError> {
    let words = layout.words;
    let page = ErrorPage {
        title: words.get("forgot-title").to_owned(),
        text: words.get("forgot-no-mail").to_owned(),
        request_id: None,
        link_href: "/login",
        link_text: words.get("error-link-sign-in").to_owned(),
        layout,
    };
    html(StatusCode::OK, &page)
}
