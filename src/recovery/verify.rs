//! `/email/verify`: the page of a one-time link that verifies an email address.

use actix_web::{HttpRequest, HttpResponse, web};

use super::email_verification::{EmailVerification, verify_email};
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

/// Moves a link's secret from the URL into a cookie, or shows the form for the link in the cookie. The link stays
/// valid.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::move_to_cookie(&request, "/email/verify") {
        return Ok(response);
    }
    let layout = Layout::new(&request);
    match find_link(&request, &accounts).await? {
        Some((link, user)) => form(layout, &session, &link, &user, FormState::default()),
        None => link_expired(&request),
    }
}

/// Verifies the address.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    MaybeUser(current): MaybeUser,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { rejection, .. } = form_post::read(&request, payload, &session, false).await?;
    let layout = Layout::new(&request);
    let Some((link, user)) = find_link(&request, &accounts).await? else { return link_expired(&request) };
    if let Some(rejection) = rejection {
        let state = FormState::rejected(rejection, layout.words, &request);
        return form(layout, &session, &link, &user, state);
    }
    let outbox = accounts.outbox().with_fallback_language(Some(layout.lang));
    match verify_email(&accounts, outbox, link, client_info(&request)).await? {
        EmailVerification::Done => {
            let page = if current.is_some() { "/" } else { "/login" };
            let path = format!("{page}?notice={}", Notice::EmailVerified.code());
            Ok(one_time_link::redirect_after_use(&request, &path))
        }
        EmailVerification::AddressTaken | EmailVerification::LinkExpired => link_expired(&request),
    }
}

async fn find_link(request: &HttpRequest, accounts: &AccountService) -> Result<Option<(Link, User)>, AppError> {
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
    let csrf = form_post::csrf_token(session, state.rejection);
    let email = link.email.clone().unwrap_or_default();
    html(state.status, &VerifyPage { layout, csrf, email, username: user.username.clone(), alert: state.alert })
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-expired-verify", "/", "error-link-home")
}
