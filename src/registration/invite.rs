//! `/invite`: what a link opens that lets its holder make an account: name and password. It signs nobody in: that is the sign-in page's.
//! What may not live here: what a link lets its holder do (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::InvitePage;
use super::routes::closed;
use crate::admin::{self, Accepted};
use crate::config::{Config, Registration};
use crate::credentials::Lock;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::users::password::PasswordPolicy;
use crate::web::form_post::{self, FormPost, Refusal};
use crate::web::new_account::{Fault, Typed};
use crate::web::new_password::{self, NewPassword};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::{Alert, Layout};
use crate::web::session::BrowserSession;

/// Takes the link's secret out of the address, or shows the form for the link in the cookie. Uses nothing up.
///
/// # Errors
/// When the database gives no answer.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    lock: web::Data<Lock>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::take(&request, "/invite")? {
        return Ok(response);
    }
    let layout = Layout::new(&request);
    match find(&request, &lock).await? {
        Some(link) if !is_open(&link, &config) => closed(layout),
        Some(link) => form(layout, (&session, None), (&link, &config), (StatusCode::OK, Typed::default(), None)),
        None => dead(layout),
    }
}

/// Makes the account.
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
    let layout = Layout::new(&request);
    let words = layout.words;
    let Some(link) = find(&request, &lock).await? else { return dead(layout) };
    if !is_open(&link, &config) {
        return closed(layout);
    }
    let typed = Typed::read(&parameters);
    if let Some(refusal) = refusal {
        let shown = (refusal.status(), typed, Some(refusal.alert(words, &request)));
        return form(layout, (&session, Some(refusal)), (&link, &config), shown);
    }
    let again = |layout, typed, fault: &Fault| {
        let alert = Alert { title: words.get("setup-alert-title").to_owned(), text: fault.text(words) };
        form(layout, (&session, None), (&link, &config), (StatusCode::UNPROCESSABLE_ENTITY, typed, Some(alert)))
    };
    let typed_password = parameters.get("password").unwrap_or_default();
    let (mut new, password) = match typed.check(typed_password, link.email.as_deref(), &PasswordPolicy::new(&config)) {
        Ok(checked) => checked,
        Err(fault) => return again(layout, typed, &fault),
    };
    let Ok(hash) = lock.hash_pool.hash(password).await else { return Err(AppError::unavailable()) };
    new.password_hash = Some(hash);
    let (answered, now) = (link.clone(), lock.clock.now());
    match lock.db.write(move |conn| admin::accept(conn, &answered, new, now)).await? {
        Accepted::Created(_) => {
            one_time_link::answered(&request, &format!("/login?notice={}", Notice::AccountMade.code()))
        }
        // Told to whoever holds a link, and to nobody else: without it a person could not choose another name.
        Accepted::NameTaken => again(layout, typed, &Fault::NameTaken),
        Accepted::LinkDead => dead(layout),
    }
}

async fn find(request: &HttpRequest, lock: &Lock) -> Result<Option<Link>, AppError> {
    let found = one_time_link::find(request, lock, &[LinkPurpose::Invite, LinkPurpose::Register]).await?;
    Ok(found.map(|(link, _)| link))
}

/// What the settings allow may have changed since the link was made.
fn is_open(link: &Link, config: &Config) -> bool {
    match config.registration {
        Registration::Closed => false,
        Registration::Invite => link.purpose == LinkPurpose::Invite,
        Registration::Open => true,
    }
}

fn form(
    layout: Layout,
    (session, refusal): (&BrowserSession, Option<Refusal>),
    (link, config): (&Link, &Config),
    (status, typed, alert): (StatusCode, Typed, Option<Alert>),
) -> Result<HttpResponse, AppError> {
    let page = InvitePage {
        csrf: form_post::csrf_token(session, refusal)?,
        email: link.email.clone().unwrap_or_default(),
        username: typed.username,
        display_name: typed.display_name,
        new_password: NewPassword::new(layout.words, "field-password", &PasswordPolicy::new(config)),
        alert,
        layout,
    };
    new_password::html(status, &page)
}

fn dead(layout: Layout) -> Result<HttpResponse, AppError> {
    one_time_link::dead(layout, ("link-dead-invite", "/login", "error-link-sign-in"))
}
