//! `/invite`: what a link opens that lets its holder make an account: name and password. It signs nobody in: that is the sign-in page's.
//! What may not live here: what a link lets its holder do (`admin`).

use actix_web::{HttpRequest, HttpResponse, web};

use super::invitation::{Acceptance, accept};
use super::pages::registration_closed;
use crate::accounts::AccountService;
use crate::authentication::RequestLimiter;
use crate::config::{Config, RegistrationMode};
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::web::form_post;
use crate::web::link_form::{LinkForm, LinkFormSubject};
use crate::web::new_account::{AccountFieldError, Typed};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::Layout;
use crate::web::session::BrowserSession;

const FORM: LinkForm = LinkForm { name: "invite", path: "/invite" };

/// Takes the link's secret out of the address, or shows the form for the link in the cookie. Uses nothing up.
///
/// # Errors
/// When the database gives no answer.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::take(&request, FORM.path)? {
        return Ok(response);
    }
    let Some(link) = find(&request, &accounts).await? else { return link_expired(&request) };
    if !is_open(&link, &config) {
        return registration_closed(Layout::new(&request));
    }
    let subject = LinkFormSubject::Account(link.email.clone(), Typed::default());
    FORM.to(&request, &session, accounts.password_policy(), &link).fresh(subject)
}

/// Makes the account.
///
/// # Errors
/// When the database gives no answer.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    limiter: web::Data<RequestLimiter>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let post = form_post::read(&request, payload, &session, false).await?;
    let Some(link) = find(&request, &accounts).await? else { return link_expired(&request) };
    if !is_open(&link, &config) {
        return registration_closed(Layout::new(&request));
    }
    let typed = Typed::read(&post.parameters);
    let form = FORM.to(&request, &session, accounts.password_policy(), &link);
    let subject = LinkFormSubject::Account(link.email.clone(), typed.clone());
    if let Some(response) = form.stop(&subject, &post, &limiter).await? {
        return Ok(response);
    }
    let typed_password = post.parameters.get("password").unwrap_or_default();
    let (mut new, password) = match typed.check(typed_password, link.email.as_deref(), accounts.password_policy()) {
        Ok(checked) => checked,
        Err(fault) => return form.with_error(subject, &fault),
    };
    let Ok(hash) = accounts.hash(password).await else { return Err(AppError::unavailable()) };
    new.password_hash = Some(hash);
    match accept(&accounts, link, new).await? {
        Acceptance::Created => {
            one_time_link::answered(&request, &format!("/login?notice={}", Notice::AccountMade.code()))
        }
        // Told to whoever holds a link, and to nobody else: without it a person could not choose another name.
        Acceptance::NameTaken => form.with_error(subject, &AccountFieldError::NameTaken),
        Acceptance::LinkExpired => link_expired(&request),
    }
}

async fn find(request: &HttpRequest, accounts: &AccountService) -> Result<Option<Link>, AppError> {
    let found = one_time_link::find(request, accounts, &[LinkPurpose::Invite, LinkPurpose::Register]).await?;
    Ok(found.map(|(link, _)| link))
}

/// What the settings allow may have changed since the link was made.
fn is_open(link: &Link, config: &Config) -> bool {
    match config.registration {
        RegistrationMode::Closed => false,
        RegistrationMode::Invite => link.purpose == LinkPurpose::Invite,
        RegistrationMode::Open => true,
    }
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-expired-invite", "/login", "error-link-sign-in")
}
