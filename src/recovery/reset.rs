//! `/password/reset`: the page of a one-time link that sets a new password.

use actix_web::{HttpRequest, HttpResponse, web};

use super::password_reset::{Reset, ResetRequest, reset_password};
use crate::accounts::AccountService;
use crate::authentication::{AuthService, RequestLimiter};
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::users::User;
use crate::users::hash_pool::HashPoolFull;
use crate::users::password::{Owner, Password, ProposedPassword};
use crate::web::client_info;
use crate::web::cookies;
use crate::web::form_post;
use crate::web::language::words_for;
use crate::web::link_form::{LinkForm, LinkFormSubject};
use crate::web::new_account::AccountFieldError;
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::session::BrowserSession;

const FORM: LinkForm = LinkForm { name: "reset", path: "/password/reset" };

/// Moves a link's secret from the URL into a cookie, or shows the form for the link in the cookie. The link stays
/// valid.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::move_to_cookie(&request, FORM.path) {
        return Ok(response);
    }
    let Some((link, user)) = find_link(&request, &accounts).await? else { return link_expired(&request) };
    FORM.for_request(&request, &session, accounts.password_policy(), &link.id)
        .fresh(LinkFormSubject::Password(user.username))
}

/// Sets the new password, and redirects to the sign-in page.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    auth: web::Data<AuthService>,
    limiter: web::Data<RequestLimiter>,
) -> Result<HttpResponse, AppError> {
    let post = form_post::read(&request, payload, &session, false).await?;
    let Some((link, user)) = find_link(&request, &accounts).await? else { return link_expired(&request) };
    let subject = LinkFormSubject::Password(user.username.clone());
    let form = FORM.for_request(&request, &session, accounts.password_policy(), &link.id);
    if let Some(response) = form.find_rejection(&subject, &post, &limiter).await? {
        return Ok(response);
    }
    let typed = post.parameters.get("password").unwrap_or_default();
    if is_rejected_old_password(&accounts, &user, typed).await? {
        return form.with_error(subject, &AccountFieldError::OldPassword);
    }
    let hash = match ProposedPassword::parse(typed, Owner::from(&user), accounts.password_policy()) {
        Ok(proposed) => accounts.hash_new(proposed).await,
        Err(error) => Ok(Err(error)),
    };
    let hash = match hash {
        Ok(Ok(hash)) => hash,
        Ok(Err(error)) => return form.with_error(subject, &AccountFieldError::Password(error)),
        Err(HashPoolFull) => return Err(AppError::unavailable()),
    };
    let outbox = accounts.outbox().with_fallback_language(Some(words_for(&request).language()));
    let reset = ResetRequest { link, hash, client_info: client_info(&request), outbox };
    match reset_password(&accounts, reset).await? {
        Reset::Done { user, .. } => {
            let path = format!("/login?notice={}", Notice::PasswordReset.code());
            let mut response = one_time_link::redirect_after_use(&request, &path);
            cookies::set_username(&mut response, crate::web::config(&request), &user.username);
            if let Some(device) = auth.remember_browser(&user).await {
                cookies::set_device(&mut response, crate::web::config(&request), &device);
            }
            Ok(response)
        }
        Reset::LinkExpired => link_expired(&request),
    }
}

/// Whether a user who must set a new password typed the old one, which others may know.
async fn is_rejected_old_password(accounts: &AccountService, user: &User, typed: &str) -> Result<bool, AppError> {
    let (Some(_), Ok(password)) = (user.new_password_required_at, Password::parse(typed)) else { return Ok(false) };
    let verified = accounts.hash_pool().verify(password, user.password_hash.clone()).await;
    verified.map_err(|HashPoolFull| AppError::unavailable())
}

async fn find_link(request: &HttpRequest, accounts: &AccountService) -> Result<Option<(Link, User)>, AppError> {
    let found = one_time_link::find(request, accounts, &[LinkPurpose::Reset, LinkPurpose::Welcome]).await?;
    Ok(found.and_then(|(link, user)| Some((link, user?))))
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-expired-reset", "/password/forgot", "forgot-title")
}
