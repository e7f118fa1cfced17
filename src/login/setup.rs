//! `/setup`: what a one-time link from `vestibule serve` or `setup-link` opens: the form for the first administrator, or for a new
//! password of one who is locked out. What may not live here: what a link lets its holder do (`admin`).

use actix_web::{HttpRequest, HttpResponse, web};

use super::routes::signed_in_response;
use crate::admin::{self, FirstAdmin, Reset};
use crate::audit::ClientInfo;
use crate::authentication::{Attempt, Lock, SignIn};
use crate::config::Config;
use crate::db::DbError;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::mail::Outbox;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::SessionKind;
use crate::users::password::{Owner, Password, PasswordPolicy};
use crate::users::{self, LookupName, User};
use crate::web::client_ip::ClientIp;
use crate::web::form_post;
use crate::web::language::words_for;
use crate::web::link_form::{LinkForm, LinkFormSubject};
use crate::web::new_account::{AccountFieldError, Typed};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::see_other;
use crate::web::session::BrowserSession;
use crate::web::{client_info, cookies, user_agent};

const FIRST_ADMIN: LinkForm = LinkForm { name: "setup", path: "/setup" };
const RESCUE: LinkForm = LinkForm { name: "rescue", path: "/setup" };

/// Takes a link's secret out of the address and into a cookie, or shows the form for the link in the cookie. Uses nothing up, so
/// that a scanner that fetches links does no harm.
///
/// # Errors
/// When the database gives no answer.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    lock: web::Data<Lock>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::take(&request, "/setup")? {
        return Ok(response);
    }
    let Some((link, user)) = find_link(&request, &lock).await? else { return link_expired(&request) };
    let (form, subject) = form_for(user.as_ref(), Typed::default());
    form.to(&request, &session, &PasswordPolicy::new(&config), &link).fresh(subject)
}

/// Makes the first administrator, or sets the new password, and signs them in.
///
/// # Errors
/// When the database gives no answer.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    lock: web::Data<Lock>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let post = form_post::read(&request, payload, &session, false).await?;
    let Some((link, user)) = find_link(&request, &lock).await? else { return link_expired(&request) };
    let (policy, typed) = (PasswordPolicy::new(&config), Typed::read(&post.parameters));
    let (form, subject) = form_for(user.as_ref(), typed.clone());
    let form = form.to(&request, &session, &policy, &link);
    if let Some(response) = form.stop(&subject, &post, &lock).await? {
        return Ok(response);
    }
    let typed_password = post.parameters.get("password").unwrap_or_default();
    let done = match &user {
        Some(user) => {
            let told = (lock.mail.with_fallback_language(Some(words_for(&request).language())), client_info(&request));
            rescue(&lock, (&link, user), typed_password, &policy, told).await?
        }
        None => create(&lock, &link, &typed, typed_password, &policy).await?,
    };
    match done {
        Done::As(username) => {
            let device = match &user {
                Some(user) => lock.remember_browser(user).await,
                None => None,
            };
            sign_in(&request, (&session, &lock), (username, typed_password), user.is_some(), device).await
        }
        Done::LinkExpired => link_expired(&request),
        Done::Overloaded => Err(AppError::unavailable()),
        Done::Refused(fault) => form.with_error(subject, &fault),
    }
}

enum Done {
    As(String),
    LinkExpired,
    Overloaded,
    Refused(AccountFieldError),
}

async fn create(
    lock: &Lock,
    link: &Link,
    typed: &Typed,
    typed_password: &str,
    policy: &PasswordPolicy,
) -> Result<Done, AppError> {
    let (mut new, password) = match typed.check(typed_password, None, policy) {
        Ok(checked) => checked,
        Err(fault) => return Ok(Done::Refused(fault)),
    };
    let Ok(hash) = lock.hash_pool.hash(password).await else { return Ok(Done::Overloaded) };
    new.password_hash = Some(hash);
    let (link, now) = (link.clone(), lock.clock.now());
    let outcome = lock.db.write(move |conn| admin::create_first_admin(conn, &link, new, now)).await?;
    Ok(match outcome {
        FirstAdmin::Created(user) => Done::As(user.username),
        FirstAdmin::NameTaken => Done::Refused(AccountFieldError::NameTaken),
        FirstAdmin::LinkExpired => Done::LinkExpired,
    })
}

async fn rescue(
    lock: &Lock,
    (link, user): (&Link, &User),
    typed_password: &str,
    policy: &PasswordPolicy,
    (outbox, client_info): (Outbox, ClientInfo),
) -> Result<Done, AppError> {
    let password = match Password::choose(typed_password, &Owner::from(user), policy) {
        Ok(password) => password,
        Err(error) => return Ok(Done::Refused(AccountFieldError::Password(error))),
    };
    let Ok(hash) = lock.hash_pool.hash(password).await else { return Ok(Done::Overloaded) };
    let (link, now) = (link.clone(), lock.clock.now());
    let outcome = lock.db.write(move |conn| admin::reset(conn, &outbox, (&link, &hash, &client_info), now)).await?;
    Ok(match outcome {
        Reset::Done { user, .. } => Done::As(user.username),
        Reset::LinkExpired => Done::LinkExpired,
    })
}

/// Through the same lock as everybody: the one function that finishes a sign-in.
async fn sign_in(
    request: &HttpRequest,
    (session, lock): (&BrowserSession, &web::Data<Lock>),
    (username, password): (String, &str),
    is_rescue: bool,
    device: Option<PlainSecret>,
) -> Result<HttpResponse, AppError> {
    let (Some(name), Ok(password)) = (LookupName::parse(&username), Password::parse(password)) else {
        return Ok(see_other("/login"));
    };
    let ClientIp(client_ip) = ClientIp::of(request);
    let attempt = Attempt {
        username: name,
        password,
        kind: SessionKind::Browser,
        client: None,
        scope: Scopes::default(),
        client_ip,
        is_remembered: false,
        user_agent: user_agent(request),
        language: Some(words_for(request).language()),
        device: device.clone(),
        previous: session.secret(),
    };
    let notice = if is_rescue { Notice::Rescued } else { Notice::SetUp };
    let mut response = match lock.sign_in_detached(attempt).await? {
        SignIn::Done(signed_in) => {
            signed_in_response(request, (session, lock), &signed_in, &format!("/?notice={}", notice.code()))?
        }
        // Throttled from this network, or busy: the account stands, and the sign-in page says the rest.
        _ => see_other(&format!("/login?notice={}", notice.code())),
    };
    if let Some(device) = &device {
        cookies::set_device(&mut response, crate::web::config(request), device)?;
    }
    cookies::remove(&mut response, crate::web::config(request), cookies::Name::Link)?;
    Ok(response)
}

/// The link in this browser's cookie while it can be used: for the first administrator only until there is one, for a rescue with the
/// account it is for.
async fn find_link(request: &HttpRequest, lock: &Lock) -> Result<Option<(Link, Option<User>)>, AppError> {
    let found = one_time_link::find(request, lock, &[LinkPurpose::Setup, LinkPurpose::Rescue]).await?;
    if found.as_ref().is_some_and(|(link, _)| link.purpose == LinkPurpose::Setup)
        && lock.db.read(|conn| users::has_admin(conn).map_err(DbError::from)).await?
    {
        return Ok(None);
    }
    Ok(found)
}

fn form_for(user: Option<&User>, typed: Typed) -> (LinkForm, LinkFormSubject) {
    match user {
        Some(user) => (RESCUE, LinkFormSubject::Password(user.username.clone())),
        None => (FIRST_ADMIN, LinkFormSubject::Account(None, typed)),
    }
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, ("link-invalid-text", "/login", "error-link-sign-in"))
}
