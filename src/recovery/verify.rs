//! `/email/verify`: what the link in a mail to a new address opens: a button that confirms it.
//! What may not live here: what a link lets its holder do (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::VerifyPage;
use crate::admin::{self, Verification};
use crate::authentication::Lock;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::users::User;
use crate::web::client_info;
use crate::web::current_user::MaybeUser;
use crate::web::form_post::{self, FormPost, FormRejection};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::{Alert, Layout, html};
use crate::web::session::BrowserSession;

/// Takes the link's secret out of the address, or asks about the address that the link is for. Uses nothing up.
///
/// # Errors
/// When the database gives no answer.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::take(&request, "/email/verify")? {
        return Ok(response);
    }
    let layout = Layout::new(&request);
    match find(&request, &lock).await? {
        Some((link, user)) => form(layout, (&session, None), (&link, &user), (StatusCode::OK, None)),
        None => link_expired(&request),
    }
}

/// Confirms the address.
///
/// # Errors
/// When the database gives no answer.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    MaybeUser(current): MaybeUser,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    let FormPost { refusal, .. } = form_post::read(&request, payload, &session, false).await?;
    let layout = Layout::new(&request);
    let Some((link, user)) = find(&request, &lock).await? else { return link_expired(&request) };
    if let Some(refusal) = refusal {
        let alert = refusal.alert(layout.words, &request);
        return form(layout, (&session, Some(refusal)), (&link, &user), (refusal.status(), Some(alert)));
    }
    let (outbox, client_info, now) =
        (lock.mail.with_fallback_language(Some(layout.lang)), client_info(&request), lock.clock.now());
    match lock.db.write(move |conn| admin::verify(conn, &outbox, (&link, &client_info), now)).await? {
        Verification::Done(_) => {
            let page = if current.is_some() { "/" } else { "/login" };
            one_time_link::answered(&request, &format!("{page}?notice={}", Notice::EmailVerified.code()))
        }
        Verification::AddressTaken | Verification::LinkExpired => link_expired(&request),
    }
}

async fn find(request: &HttpRequest, lock: &Lock) -> Result<Option<(Link, User)>, AppError> {
    let found = one_time_link::find(request, lock, &[LinkPurpose::Verify]).await?;
    Ok(found.and_then(|(link, user)| Some((link, user?))))
}

fn form(
    layout: Layout,
    (session, refusal): (&BrowserSession, Option<FormRejection>),
    (link, user): (&Link, &User),
    (status, alert): (StatusCode, Option<Alert>),
) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, refusal)?;
    let email = link.email.clone().unwrap_or_default();
    html(status, &VerifyPage { layout, csrf, email, username: user.username.clone(), alert })
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, ("link-expired-verify", "/", "error-link-home"))
}
