//! `/password/reset`: what a link out of a mail, or from an admin, opens: a new password. It signs nobody in: that is the sign-in
//! page's. What may not live here: what a link lets its holder do (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::ResetPage;
use crate::admin::{self, Reset};
use crate::config::Config;
use crate::credentials::Lock;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::users::User;
use crate::users::password::{Owner, Password, PasswordPolicy};
use crate::web::form_post::{self, FormPost, Refusal};
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
    if let Some(response) = one_time_link::take(&request, "/password/reset")? {
        return Ok(response);
    }
    let layout = Layout::new(&request);
    match find(&request, &lock).await? {
        Some((_, user)) => form(layout, (&session, None), &config, (StatusCode::OK, &user, None)),
        None => dead(layout),
    }
}

/// Sets the new password.
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
    let Some((link, user)) = find(&request, &lock).await? else { return dead(layout) };
    if let Some(refusal) = refusal {
        let alert = refusal.alert(words, &request);
        return form(layout, (&session, Some(refusal)), &config, (refusal.status(), &user, Some(alert)));
    }
    let typed = parameters.get("password").unwrap_or_default();
    let password = match Password::choose(typed, &Owner::from(&user), &PasswordPolicy::new(&config)) {
        Ok(password) => password,
        Err(error) => {
            let title = words.get("rescue-alert-title").to_owned();
            let alert = Alert { title, text: new_password::refusal_text(words, &error) };
            return form(layout, (&session, None), &config, (StatusCode::UNPROCESSABLE_ENTITY, &user, Some(alert)));
        }
    };
    let Ok(hash) = lock.hash_pool.hash(password).await else { return Err(AppError::unavailable()) };
    let (outbox, now) = (lock.mail.clone(), lock.clock.now());
    match lock.db.write(move |conn| admin::reset(conn, &outbox, (&link, &hash), now)).await? {
        Reset::Done { .. } => {
            one_time_link::answered(&request, &format!("/login?notice={}", Notice::PasswordReset.code()))
        }
        Reset::LinkDead => dead(layout),
    }
}

async fn find(request: &HttpRequest, lock: &Lock) -> Result<Option<(Link, User)>, AppError> {
    let found = one_time_link::find(request, lock, &[LinkPurpose::Reset]).await?;
    Ok(found.and_then(|(link, user)| Some((link, user?))))
}

fn form(
    layout: Layout,
    (session, refusal): (&BrowserSession, Option<Refusal>),
    config: &Config,
    (status, user, alert): (StatusCode, &User, Option<Alert>),
) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, refusal)?;
    let new_password = NewPassword::new(layout.words, "field-new-password", &PasswordPolicy::new(config));
    new_password::html(status, &ResetPage { layout, csrf, username: user.username.clone(), new_password, alert })
}

fn dead(layout: Layout) -> Result<HttpResponse, AppError> {
    one_time_link::dead(layout, ("link-dead-reset", "/password/forgot", "forgot-title"))
}
