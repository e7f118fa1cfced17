//! `/register`: the page that requests a registration link by mail.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::invitation::request_account;
use super::pages::{RegisterPage, registration_closed};
use super::registration_links::RegistrationLinks;
use crate::accounts::AccountService;
use crate::authentication::RequestLimiter;
use crate::config::{Config, RegistrationMode};
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::Outbox;
use crate::users;
use crate::web::background::{self, retry_after};
use crate::web::client_ip::ClientIp;
use crate::web::form_post::{self, FormPost, FormState, MAIL_QUEUE_WAIT};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html, see_other};
use crate::web::session::BrowserSession;

/// Shows the form.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(&request);
    if config.registration != RegistrationMode::Open {
        return registration_closed(layout);
    }
    form(layout, &session, String::new(), FormState::default())
}

/// Accepts a request. The response is the same whether or not the address has an account, whose owner is notified by
/// mail. No name is reserved and no password hashed before the address is verified.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    limiter: web::Data<RequestLimiter>,
    links: web::Data<RegistrationLinks>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, rejection } = form_post::read(&request, payload, &session, true).await?;
    let layout = Layout::new(&request);
    let words = layout.words;
    if config.registration != RegistrationMode::Open {
        return registration_closed(layout);
    }
    let email: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
    if let Some(rejection) = rejection {
        return form(layout, &session, email, FormState::rejected(rejection, words, &request));
    }
    let Some(key) = users::email_key(&email).filter(|_| !email.contains('\0')) else {
        let alert = Alert::named(words, "register-alert");
        return form(layout, &session, email, FormState::failed(StatusCode::UNPROCESSABLE_ENTITY, alert));
    };
    if let Some(wait) = limiter.limit_by_network(ClientIp::of(&request).0).await? {
        let state = FormState::failed(StatusCode::TOO_MANY_REQUESTS, Alert::too_many_requests(words, wait));
        return Ok(retry_after(form(layout, &session, email, state)?, wait));
    }
    if !accounts.has_room_for_mail(false).await? {
        let state = FormState::mail_queue_full(words);
        return Ok(retry_after(form(layout, &session, email, state)?, MAIL_QUEUE_WAIT));
    }
    let outbox = accounts.outbox().with_fallback_language(Some(words.language()));
    background::spawn_bounded(async move { mail_link(&accounts, &limiter, &links, outbox, email, key).await })?;
    Ok(see_other(&format!("/login?notice={}", Notice::AccountRequested.code())))
}

/// Queues a mail for the address, at most three an hour.
async fn mail_link(
    accounts: &AccountService,
    limiter: &RequestLimiter,
    links: &RegistrationLinks,
    outbox: Outbox,
    email: String,
    email_key: String,
) -> Result<(), DbError> {
    if limiter.limit_by_account(&format!("register {email_key}")).await?.is_some() {
        tracing::info!("registration request dropped: too many for one email address");
        return Ok(());
    }
    request_account(accounts, links, outbox, email).await
}

fn form(layout: Layout, session: &BrowserSession, email: String, state: FormState) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, state.rejection);
    html(state.status, &RegisterPage { layout, csrf, email, alert: state.alert })
}
