//! `/invite`: the page of a one-time link that creates an account.

use actix_web::{HttpRequest, HttpResponse, web};

use super::invitation::{Acceptance, AccountLink, accept};
use super::pages::registration_closed;
use super::registration_links::RegistrationLinks;
use crate::accounts::AccountService;
use crate::authentication::RequestLimiter;
use crate::config::{Config, RegistrationMode};
use crate::error::AppError;
use crate::links::LinkPurpose;
use crate::users::hash_pool::HashPoolFull;
use crate::web::client_info;
use crate::web::link_form::{LinkForm, LinkFormSubject};
use crate::web::new_account::{AccountFieldError, AccountFields};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::Layout;
use crate::web::session::BrowserSession;
use crate::web::{cookies, form_post};

const FORM: LinkForm = LinkForm { name: "invite", path: "/invite" };

/// Moves a link's secret from the URL into a cookie, or shows the form for the link in the cookie. The link stays
/// valid.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    links: web::Data<RegistrationLinks>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::move_to_cookie(&request, FORM.path) {
        return Ok(response);
    }
    let Some(link) = find_link(&request, &accounts, &links).await? else { return link_expired(&request) };
    if !is_allowed(&link, &config) {
        return registration_closed(Layout::new(&request));
    }
    let subject = LinkFormSubject::Account(link.email().map(str::to_owned), AccountFields::default());
    FORM.for_request(&request, &session, accounts.password_policy(), link.id()).fresh(subject)
}

/// Creates the account, and redirects to the sign-in page.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
    links: web::Data<RegistrationLinks>,
    limiter: web::Data<RequestLimiter>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let post = form_post::read(&request, payload, &session, false).await?;
    let Some(link) = find_link(&request, &accounts, &links).await? else { return link_expired(&request) };
    if !is_allowed(&link, &config) {
        return registration_closed(Layout::new(&request));
    }
    let typed = AccountFields::read(&post.parameters);
    let form = FORM.for_request(&request, &session, accounts.password_policy(), link.id());
    let subject = LinkFormSubject::Account(link.email().map(str::to_owned), typed.clone());
    if let Some(response) = form.find_rejection(&subject, &post, &limiter).await? {
        return Ok(response);
    }
    let typed_password = post.parameters.get("password").unwrap_or_default();
    let (mut new, proposed) = match typed.check(typed_password, link.email(), accounts.password_policy()) {
        Ok(checked) => checked,
        Err(error) => return form.with_error(subject, &error),
    };
    if let Some(problem) = accounts.check_name(&new.username, link.roles()) {
        return form.with_error(subject, &AccountFieldError::Name(problem));
    }
    match accounts.hash_new(proposed).await {
        Ok(Ok(hash)) => new.password_hash = Some(hash.into()),
        Ok(Err(error)) => return form.with_error(subject, &AccountFieldError::Password(error)),
        Err(HashPoolFull) => return Err(AppError::unavailable()),
    }
    let username = new.username.as_str().to_owned();
    match accept(&accounts, link, new, client_info(&request)).await? {
        Acceptance::Created => {
            let path = format!("/login?notice={}", Notice::AccountCreated.code());
            let mut response = one_time_link::redirect_after_use(&request, &path);
            cookies::set_username(&mut response, crate::web::config(&request), &username);
            Ok(response)
        }
        // Only the holder of a link learns that a name is taken, because they have to choose another.
        Acceptance::NameTaken => form.with_error(subject, &AccountFieldError::NameTaken),
        Acceptance::NameSimilar(problem) => form.with_error(subject, &AccountFieldError::Name(problem)),
        Acceptance::LinkExpired => link_expired(&request),
    }
}

/// The valid link in this browser's cookie.
async fn find_link(
    request: &HttpRequest,
    accounts: &AccountService,
    links: &RegistrationLinks,
) -> Result<Option<AccountLink>, AppError> {
    let registration = cookies::find_link(request).and_then(|text| links.open(&text, accounts.clock().now()));
    if let Some(link) = registration {
        return Ok(Some(AccountLink::Registration(link)));
    }
    let found = one_time_link::find(request, accounts, &[LinkPurpose::Invite]).await?;
    Ok(found.map(|(link, _)| AccountLink::Invitation(link)))
}

/// Whether the settings still allow this link; they may have changed since it was created.
fn is_allowed(link: &AccountLink, config: &Config) -> bool {
    match config.registration {
        RegistrationMode::Closed => false,
        RegistrationMode::Invite => matches!(link, AccountLink::Invitation(_)),
        RegistrationMode::Open => true,
    }
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-expired-invite", "/login", "error-link-sign-in")
}
