//! `/register`: asks for a link by which an account can be made. Same answer whether or not the address has one already: its owner is
//! told by mail. What may not live here: what a link lets its holder do (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::RegisterPage;
use super::routes::closed;
use crate::admin;
use crate::authentication::Lock;
use crate::config::{Config, RegistrationMode};
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::Outbox;
use crate::users;
use crate::web::background;
use crate::web::client_ip::ClientIp;
use crate::web::form_post::{self, FormPost, FormRejection};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html, see_other};
use crate::web::session::BrowserSession;

/// Shows the form.
///
/// # Errors
/// 500 when the page cannot be rendered, which its types rule out.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(&request);
    if config.registration != RegistrationMode::Open {
        return closed(layout);
    }
    form(layout, &session, None, (StatusCode::OK, String::new(), None))
}

/// Takes the wish, and says no more than that.
///
/// # Errors
/// When the database gives no answer.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    (lock, config): (web::Data<Lock>, web::Data<Config>),
    ClientIp(client_ip): ClientIp,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, refusal } = form_post::read(&request, payload, &session, true).await?;
    let layout = Layout::new(&request);
    let words = layout.words;
    if config.registration != RegistrationMode::Open {
        return closed(layout);
    }
    let email: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
    if let Some(refusal) = refusal {
        return form(layout, &session, Some(refusal), (refusal.status(), email, Some(refusal.alert(words, &request))));
    }
    let Some(key) = users::email_key(&email).filter(|_| !email.contains('\0')) else {
        let alert = Alert::named(words, "register-alert");
        return form(layout, &session, None, (StatusCode::UNPROCESSABLE_ENTITY, email, Some(alert)));
    };
    if let Some(wait) = lock.limit_by_network(client_ip).await? {
        let shown = (StatusCode::TOO_MANY_REQUESTS, email, Some(background::too_many(words, wait)));
        return Ok(background::retry_after(form(layout, &session, None, shown)?, wait));
    }
    let (lock, outbox) = (lock.get_ref().clone(), lock.mail.with_fallback_language(Some(words.language())));
    background::spawn_bounded(async move { mail_link(&lock, outbox, (email, key)).await })?;
    Ok(see_other(&format!("/login?notice={}", Notice::AccountAsked.code())))
}

/// Leaves a mail for the address, three an hour at the most.
async fn mail_link(lock: &Lock, outbox: Outbox, (email, key): (String, String)) -> Result<(), DbError> {
    if lock.limit_by_account(&format!("register {key}")).await?.is_some() {
        tracing::info!("registration request dropped: too many for one email address");
        return Ok(());
    }
    let now = lock.clock.now();
    lock.db.write(move |conn| admin::ask_for_account(conn, &outbox, &email, now)).await
}

fn form(
    layout: Layout,
    session: &BrowserSession,
    refusal: Option<FormRejection>,
    (status, email, alert): (StatusCode, String, Option<Alert>),
) -> Result<HttpResponse, AppError> {
    html(status, &RegisterPage { layout, csrf: form_post::csrf_token(session, refusal)?, email, alert })
}
