//! `/setup`: what a one-time link from `vestibule serve` or `setup-link` opens: the form for the first administrator, or for a new
//! password of one who is locked out. What may not live here: what a link lets its holder do (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::{RescuePage, SetupPage};
use super::routes::finish;
use crate::admin::{self, FirstAdmin, Rescue};
use crate::config::Config;
use crate::credentials::{Attempt, Lock, SignIn};
use crate::error::AppError;
use crate::links::{self, Link, LinkPurpose};
use crate::scope::Scopes;
use crate::sessions::SessionKind;
use crate::users::password::{Owner, Password, PasswordPolicy};
use crate::users::{self, LookupName, User};
use crate::web::client_ip::ClientIp;
use crate::web::form_post::{self, FormPost};
use crate::web::new_account::{Fault, Typed};
use crate::web::new_password::{self, NewPassword};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::{Alert, Layout, see_other};
use crate::web::session::BrowserSession;
use crate::web::{cookies, csrf, user_agent};

/// What a page of set-up needs beside what was typed.
struct Context<'a> {
    layout: Layout,
    session: &'a BrowserSession,
    policy: PasswordPolicy,
}

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
    let context = Context { layout: Layout::new(&request), session: &session, policy: PasswordPolicy::new(&config) };
    match find_link(&request, &lock).await? {
        Some((link, user)) => form(context, &link, user.as_ref(), (StatusCode::OK, Typed::default(), None)),
        None => link_is_dead(context.layout),
    }
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
    let FormPost { parameters, refusal } = form_post::read(&request, payload, &session, false).await?;
    let context = Context { layout: Layout::new(&request), session: &session, policy: PasswordPolicy::new(&config) };
    let words = context.layout.words;
    let Some((link, user)) = find_link(&request, &lock).await? else { return link_is_dead(context.layout) };
    let typed = Typed::read(&parameters);
    if let Some(refusal) = refusal {
        let alert = Some(refusal.alert(words, &request));
        return form(context, &link, user.as_ref(), (refusal.status(), typed, alert));
    }
    let typed_password = parameters.get("password").unwrap_or_default();
    let done = match &user {
        Some(user) => rescue(&lock, &link, user, typed_password, &context.policy).await?,
        None => create(&lock, &link, &typed, typed_password, &context.policy).await?,
    };
    match done {
        Done::As(username) => sign_in(&request, &session, &lock, (username, typed_password, user.is_some())).await,
        Done::LinkIsDead => link_is_dead(context.layout),
        Done::Full => Err(AppError::unavailable()),
        Done::Refused(fault) => {
            let alert = Alert {
                title: words.get(if user.is_some() { "rescue-alert-title" } else { "setup-alert-title" }).to_owned(),
                text: fault.text(words),
            };
            form(context, &link, user.as_ref(), (StatusCode::UNPROCESSABLE_ENTITY, typed, Some(alert)))
        }
    }
}

enum Done {
    As(String),
    LinkIsDead,
    Full,
    Refused(Fault),
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
    let Ok(hash) = lock.hash_pool.hash(password).await else { return Ok(Done::Full) };
    new.password_hash = Some(hash);
    let (link, now) = (link.clone(), lock.clock.now());
    let outcome = lock.db.write(move |conn| admin::create_first_admin(conn, &link, new, now)).await?;
    Ok(match outcome {
        FirstAdmin::Created(user) => Done::As(user.username),
        FirstAdmin::NameTaken => Done::Refused(Fault::NameTaken),
        FirstAdmin::LinkDead => Done::LinkIsDead,
    })
}

async fn rescue(
    lock: &Lock,
    link: &Link,
    user: &User,
    typed_password: &str,
    policy: &PasswordPolicy,
) -> Result<Done, AppError> {
    let password = match Password::choose(typed_password, &Owner::from(user), policy) {
        Ok(password) => password,
        Err(error) => return Ok(Done::Refused(Fault::Password(error))),
    };
    let Ok(hash) = lock.hash_pool.hash(password).await else { return Ok(Done::Full) };
    let (link, now) = (link.clone(), lock.clock.now());
    let outcome = lock.db.write(move |conn| admin::rescue(conn, &link, &hash, now)).await?;
    Ok(match outcome {
        Rescue::Done { user, .. } => Done::As(user.username),
        Rescue::LinkDead => Done::LinkIsDead,
    })
}

/// Through the same lock as everybody: the one function that finishes a sign-in.
async fn sign_in(
    request: &HttpRequest,
    session: &BrowserSession,
    lock: &web::Data<Lock>,
    (username, password, is_rescue): (String, &str, bool),
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
        device: None,
        previous: session.secret(),
    };
    let notice = if is_rescue { Notice::Rescued } else { Notice::SetUp };
    let mut response = match lock.sign_in_whole(attempt).await? {
        SignIn::Done(signed_in) => {
            finish(request, (session, lock), &signed_in, &format!("/?notice={}", notice.code()))?
        }
        // Throttled from this network, or busy: the account stands, and the sign-in page says the rest.
        _ => see_other(&format!("/login?notice={}", notice.code())),
    };
    cookies::remove(&mut response, crate::web::config(request), cookies::Name::Link)?;
    Ok(response)
}

/// The link in this browser's cookie while it can be used: for the first administrator only until there is one, for a rescue with the
/// account it is for.
async fn find_link(request: &HttpRequest, lock: &Lock) -> Result<Option<(Link, Option<User>)>, AppError> {
    let Some(secret) = cookies::find_link(request) else { return Ok(None) };
    let now = lock.clock.now();
    let found = lock.db.read(move |conn| -> Result<_, crate::db::DbError> {
        let Some(link) = links::find(conn, &secret, now)? else { return Ok(None) };
        match (link.purpose, link.user_id) {
            (LinkPurpose::Setup, None) => Ok((!users::has_admin(conn)?).then_some((link, None))),
            (LinkPurpose::Rescue, Some(id)) => Ok(users::find_by_id(conn, id)?.map(|user| (link, Some(user)))),
            _ => Ok(None),
        }
    });
    Ok(found.await?)
}

fn form(
    context: Context<'_>,
    link: &Link,
    user: Option<&User>,
    (status, typed, alert): (StatusCode, Typed, Option<Alert>),
) -> Result<HttpResponse, AppError> {
    let Context { layout, session, policy } = context;
    let csrf = csrf::token(&session.csrf_seed_or_new()?);
    match (link.purpose, user) {
        (LinkPurpose::Rescue, Some(user)) => {
            let new_password = NewPassword::new(layout.words, "field-new-password", &policy);
            new_password::html(
                status,
                &RescuePage { layout, csrf, username: user.username.clone(), new_password, alert },
            )
        }
        _ => {
            let new_password = NewPassword::new(layout.words, "field-password", &policy);
            let Typed { username, display_name } = typed;
            new_password::html(status, &SetupPage { layout, csrf, username, display_name, new_password, alert })
        }
    }
}

fn link_is_dead(layout: Layout) -> Result<HttpResponse, AppError> {
    one_time_link::dead(layout, ("link-invalid-text", "/login", "error-link-sign-in"))
}
