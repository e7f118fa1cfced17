//! `/password/forgot`: asks for a link by mail. Same answer, same statements, same time whoever is named: what follows from the name is
//! done after the answer. What may not live here: what a link lets its holder do (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::ForgotPage;
use crate::admin;
use crate::authentication::Lock;
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::Outbox;
use crate::web::background;
use crate::web::client_ip::ClientIp;
use crate::web::error_page::ErrorPage;
use crate::web::form_post::{self, FormPost, FormRejection};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html, see_other};
use crate::web::session::BrowserSession;

/// The most bytes of a name or an address.
const MAX_LOGIN: usize = 256;

/// Shows the form or, where no mail is sent, whom to ask.
///
/// # Errors
/// 500 when the page cannot be rendered, which its types rule out.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(&request);
    if !lock.mail.is_on() {
        return no_mail(layout);
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
    lock: web::Data<Lock>,
    ClientIp(client_ip): ClientIp,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, refusal } = form_post::read(&request, payload, &session, true).await?;
    let layout = Layout::new(&request);
    let words = layout.words;
    if !lock.mail.is_on() {
        return no_mail(layout);
    }
    let login: String = parameters.get("login").unwrap_or_default().trim().chars().take(MAX_LOGIN).collect();
    if let Some(refusal) = refusal {
        return form(layout, &session, Some(refusal), (refusal.status(), login, Some(refusal.alert(words, &request))));
    }
    if login.is_empty() || login.len() > MAX_LOGIN || login.contains('\0') {
        let alert = Alert::named(words, "forgot-alert");
        return form(layout, &session, None, (StatusCode::UNPROCESSABLE_ENTITY, login, Some(alert)));
    }
    if let Some(wait) = lock.limit_by_network(client_ip).await? {
        let shown = (StatusCode::TOO_MANY_REQUESTS, login, Some(background::too_many(words, wait)));
        return Ok(background::retry_after(form(layout, &session, None, shown)?, wait));
    }
    let (lock, outbox) = (lock.get_ref().clone(), lock.mail.with_fallback_language(Some(words.language())));
    background::spawn_bounded(async move { mail_links(&lock, outbox, login).await })?;
    Ok(see_other(&format!("/login?notice={}", Notice::ResetAsked.code())))
}

/// Leaves a mail for each account that may be meant, three in half an hour at the most.
async fn mail_links(lock: &Lock, outbox: Outbox, login: String) -> Result<(), DbError> {
    for user in lock.db.read(move |conn| admin::find_reachable(conn, &login)).await? {
        if lock.limit_password_resets(user.id).await?.is_some() {
            tracing::info!(user_id = user.id.0, "password reset request dropped: too many for this account");
            continue;
        }
        let (outbox, now) = (outbox.clone(), lock.clock.now());
        lock.db.write(move |conn| admin::mail_reset(conn, &outbox, &user, now)).await?;
    }
    Ok(())
}

fn form(
    layout: Layout,
    session: &BrowserSession,
    refusal: Option<FormRejection>,
    (status, login, alert): (StatusCode, String, Option<Alert>),
) -> Result<HttpResponse, AppError> {
    html(status, &ForgotPage { layout, csrf: form_post::csrf_token(session, refusal)?, login, alert })
}

fn no_mail(layout: Layout) -> Result<HttpResponse, AppError> {
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
