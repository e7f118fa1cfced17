//! `/email/verify`: what the link in a mail to a new address opens: a button that confirms it.
//! What may not live here: what a link lets its holder do (`admin`).

use actix_web::{HttpRequest, HttpResponse, web};

use super::email_verification::{Verification, verify_email};
use super::pages::VerifyPage;
use crate::accounts::AccountService;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::users::User;
use crate::web::client_info;
use crate::web::current_user::MaybeUser;
use crate::web::form_post::{self, FormPost, FormState};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::{Layout, html};
use crate::web::session::BrowserSession;

/// Takes the link's secret out of the address, or asks about the address that the link is for. Uses nothing up.
///
/// # Errors
/// When the database gives no answer.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::take(&request, "/email/verify")? {
        return Ok(response);
    }
    let layout = Layout::new(&request);
    match find(&request, &accounts).await? {
        Some((link, user)) => form(layout, &session, &link, &user, FormState::default()),
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
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { refusal, .. } = form_post::read(&request, payload, &session, false).await?;
    let layout = Layout::new(&request);
    let Some((link, user)) = find(&request, &accounts).await? else { return link_expired(&request) };
    if let Some(refusal) = refusal {
        let state = FormState::rejected(refusal, layout.words, &request);
        return form(layout, &session, &link, &user, state);
    }
    let outbox = accounts.outbox().with_fallback_language(Some(layout.lang));
    match verify_email(&accounts, outbox, link, client_info(&request)).await? {
        Verification::Done => {
            let page = if current.is_some() { "/" } else { "/login" };
            one_time_link::answered(&request, &format!("{page}?notice={}", Notice::EmailVerified.code()))
        }
        Verification::AddressTaken | Verification::LinkExpired => link_expired(&request),
    }
}

async fn find(request: &HttpRequest, accounts: &AccountService) -> Result<Option<(Link, User)>, AppError> {
    let found = one_time_link::find(request, accounts, &[LinkPurpose::Verify]).await?;
    Ok(found.and_then(|(link, user)| Some((link, user?))))
}

fn form(
    layout: Layout,
    session: &BrowserSession,
    link: &Link,
    user: &User,
    state: FormState,
) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, state.rejection)?;
    let email = link.email.clone().unwrap_or_default();
    html(state.status, &VerifyPage { layout, csrf, email, username: user.username.clone(), alert: state.alert })
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-expired-verify", "/", "error-link-home")
}
