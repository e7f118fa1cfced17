//! `/setup`: the page of a one-time link for the first administrator, or for the new password of a locked-out one.

use actix_web::{HttpRequest, HttpResponse, web};

use super::response::signed_in_response;
use crate::accounts::{AccountService, FirstAdmin};
use crate::authentication::{AuthService, PasswordAttempt, RequestLimiter, SignIn, SignInPurpose};
use crate::db::DbError;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::recovery::{Reset, ResetRequest, reset_password};
use crate::secret::PlainSecret;
use crate::users::hash_pool::HashPoolFull;
use crate::users::password::{Owner, Password, ProposedPassword};
use crate::users::{self, LookupName, User};
use crate::web::cookies::{self, CookieName};
use crate::web::form_post;
use crate::web::language::words_for;
use crate::web::link_form::{LinkForm, LinkFormSubject};
use crate::web::new_account::{AccountFieldError, AccountFields};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::see_other;
use crate::web::session::BrowserSession;
use crate::web::{attempt_origin, client_info};

const FIRST_ADMIN: LinkForm = LinkForm { name: "setup", path: "/setup" };
const RESCUE: LinkForm = LinkForm { name: "rescue", path: "/setup" };

/// Moves a link's secret from the URL into a cookie, or shows the form for the link in the cookie. The link stays
/// valid: a scanner that fetches links does no harm.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::move_to_cookie(&request, "/setup") {
        return Ok(response);
    }
    let Some((link, user)) = find_link(&request, &accounts).await? else { return link_expired(&request) };
    let (form, subject) = form_for(user.as_ref(), AccountFields::default());
    form.for_request(&request, &session, accounts.password_policy(), &link.id).fresh(subject)
}

/// Creates the first administrator or sets the new password, then signs the administrator in.
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
    let typed = AccountFields::read(&post.parameters);
    let (form, subject) = form_for(user.as_ref(), typed.clone());
    let form = form.for_request(&request, &session, accounts.password_policy(), &link.id);
    if let Some(response) = form.find_rejection(&subject, &post, &limiter).await? {
        return Ok(response);
    }
    let typed_password = post.parameters.get("password").unwrap_or_default();
    let outcome = match &user {
        Some(user) => rescue(&request, &accounts, &link, user, typed_password).await?,
        None => create(&request, &accounts, &link, &typed, typed_password).await?,
    };
    match outcome {
        Outcome::Done(username) => {
            let device = match &user {
                Some(user) => auth.remember_browser(user).await,
                None => None,
            };
            let notice = if user.is_some() { Notice::Rescued } else { Notice::SetUp };
            let credentials = (LookupName::parse(&username), Password::parse(typed_password));
            let (Some(username), Ok(password)) = credentials else { return Ok(see_other("/login")) };
            let mut origin = attempt_origin(&request, Some(words_for(&request).language()));
            origin.device.clone_from(&device);
            let attempt = PasswordAttempt { username, password, origin };
            sign_in(&request, &session, &auth, attempt, notice, device).await
        }
        Outcome::LinkExpired => link_expired(&request),
        Outcome::Overloaded => Err(AppError::unavailable()),
        Outcome::Invalid(error) => form.with_error(subject, &error),
    }
}

/// Outcome of a submission.
enum Outcome {
    /// The account has the new password; its username.
    Done(String),
    LinkExpired,
    Overloaded,
    Invalid(AccountFieldError),
}

async fn create(
    request: &HttpRequest,
    accounts: &AccountService,
    link: &Link,
    typed: &AccountFields,
    typed_password: &str,
) -> Result<Outcome, AppError> {
    let (mut new, proposed) = match typed.check(typed_password, None, accounts.password_policy()) {
        Ok(checked) => checked,
        Err(error) => return Ok(Outcome::Invalid(error)),
    };
    match accounts.hash_new(proposed).await {
        Ok(Ok(hash)) => new.password_hash = Some(hash.into()),
        Ok(Err(error)) => return Ok(Outcome::Invalid(AccountFieldError::Password(error))),
        Err(HashPoolFull) => return Ok(Outcome::Overloaded),
    }
    Ok(match accounts.create_first_admin(link.clone(), new, client_info(request)).await? {
        FirstAdmin::Created(user) => Outcome::Done(user.username),
        FirstAdmin::NameTaken => Outcome::Invalid(AccountFieldError::NameTaken),
        FirstAdmin::LinkExpired => Outcome::LinkExpired,
    })
}

async fn rescue(
    request: &HttpRequest,
    accounts: &AccountService,
    link: &Link,
    user: &User,
    typed_password: &str,
) -> Result<Outcome, AppError> {
    let hash = match ProposedPassword::parse(typed_password, Owner::from(user), accounts.password_policy()) {
        Ok(proposed) => accounts.hash_new(proposed).await,
        Err(error) => Ok(Err(error)),
    };
    let hash = match hash {
        Ok(Ok(hash)) => hash,
        Ok(Err(error)) => return Ok(Outcome::Invalid(AccountFieldError::Password(error))),
        Err(HashPoolFull) => return Ok(Outcome::Overloaded),
    };
    let outbox = accounts.outbox().with_fallback_language(Some(words_for(request).language()));
    let reset = ResetRequest { link: link.clone(), hash, client_info: client_info(request), outbox };
    Ok(match reset_password(accounts, reset).await? {
        Reset::Done { user, .. } => Outcome::Done(user.username),
        Reset::LinkExpired => Outcome::LinkExpired,
    })
}

/// Signs the administrator in through the authentication service, as the sign-in page does.
async fn sign_in(
    request: &HttpRequest,
    session: &BrowserSession,
    auth: &AuthService,
    attempt: PasswordAttempt,
    notice: Notice,
    device: Option<PlainSecret>,
) -> Result<HttpResponse, AppError> {
    let purpose = SignInPurpose::Browser { is_remembered: false, previous: session.secret() };
    let username = attempt.username.key().to_owned();
    let mut response = match auth.sign_in_detached(attempt, purpose).await? {
        SignIn::Done(signed_in) => {
            signed_in_response(request, session, &signed_in, &format!("/?notice={}", notice.code()))
        }
        // Throttled or overloaded: the account has its password, and the sign-in page explains the rest.
        _ => {
            let mut response = see_other(&format!("/login?notice={}", notice.code()));
            cookies::set_username(&mut response, crate::web::config(request), &username);
            response
        }
    };
    if let Some(device) = &device {
        cookies::set_device(&mut response, crate::web::config(request), device);
    }
    cookies::remove(&mut response, crate::web::config(request), CookieName::Link);
    Ok(response)
}

/// The valid link in this browser's cookie, and the account of a rescue. A link for the first administrator is valid
/// only until there is one.
async fn find_link(request: &HttpRequest, accounts: &AccountService) -> Result<Option<(Link, Option<User>)>, AppError> {
    let found = one_time_link::find(request, accounts, &[LinkPurpose::Setup, LinkPurpose::Rescue]).await?;
    if found.as_ref().is_some_and(|(link, _)| link.purpose == LinkPurpose::Setup)
        && accounts.read(|conn| users::has_admin(conn).map_err(DbError::from)).await?
    {
        return Ok(None);
    }
    Ok(found)
}

fn form_for(user: Option<&User>, typed: AccountFields) -> (LinkForm, LinkFormSubject) {
    match user {
        Some(user) => (RESCUE, LinkFormSubject::Password(user.username.clone())),
        None => (FIRST_ADMIN, LinkFormSubject::Account(None, typed)),
    }
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-invalid-text", "/login", "error-link-sign-in")
}
