//! `/account/password`: changing the password.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::PasswordPage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, rejection_alert};
use crate::accounts::{AccountService, PasswordChange, change_password};
use crate::audit::EventKind;
use crate::authentication::{AuthService, PasswordAttempt};
use crate::clock::Moment;
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::MailKind;
use crate::secret::PlainSecret;
use crate::sessions::{self, Lifetimes, SessionService};
use crate::users::argon2id::PasswordHash;
use crate::users::password::{Owner, Password};
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::new_password::{NewPassword, rejection_text};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// Shows the form.
pub async fn show(account: AccountRequest) -> Result<HttpResponse, AppError> {
    match account {
        AccountRequest::SignedIn(context) => form(&context, StatusCode::OK, None),
        AccountRequest::SignedOut(sign_in) => Ok(sign_in.redirect()),
    }
}

/// Changes the password, ends all other sessions and gives this one a new secret.
pub async fn submit(
    account: AccountRequest,
    payload: web::Payload,
    auth: web::Data<AuthService>,
    accounts: web::Data<AccountService>,
    sessions: web::Data<SessionService>,
) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    let layout = context.layout();
    let words = layout.words;
    if let Some(rejection) = rejection {
        return form(&context, rejection.status(), Some(rejection_alert(&context, rejection)));
    }
    let invalid = |text: String| {
        let title = words.get("password-alert-title").to_owned();
        form(&context, StatusCode::UNPROCESSABLE_ENTITY, Some(Alert { title, text }))
    };
    let (Some(old), Some(new)) = (parameters.get_non_empty("current"), parameters.get_non_empty("password")) else {
        return invalid(words.get("password-missing").to_owned());
    };
    if old == new {
        return invalid(words.get("password-same").to_owned());
    }
    // Checked before the current password: a new password that breaks a rule costs no attempt.
    let chosen = match Password::choose(new, &Owner::from(&context.current.user), &context.policy()) {
        Ok(chosen) => chosen,
        Err(error) => return invalid(rejection_text(words, &error)),
    };
    let (verified, attempt) = match reauthenticate(&context, &auth, old).await? {
        ReauthenticationOutcome::Correct(verified, attempt) => (verified, attempt),
        ReauthenticationOutcome::Failed(failure) => {
            return Ok(failure.with_retry_after(form(&context, failure.status, Some(failure.alert.clone()))?));
        }
    };
    let Ok(hash) = accounts.hash(chosen).await else { return Err(AppError::unavailable()) };
    match change(&context, &auth, &accounts, &attempt, verified, hash).await? {
        Some(secret) => Ok(changed_response(&context, sessions.lifetimes(), accounts.clock().now(), &secret)),
        None => invalid(words.get("password-overtaken").to_owned()),
    }
}

/// Changes the password in one transaction. Returns the session's new secret; `None` when the password has changed
/// since it was verified.
async fn change(
    context: &AccountContext,
    auth: &AuthService,
    accounts: &AccountService,
    attempt: &PasswordAttempt,
    verified: PasswordHash,
    hash: PasswordHash,
) -> Result<Option<PlainSecret>, DbError> {
    let now = accounts.clock().now();
    let session_secret = PlainSecret::generate();
    let change = PasswordChange {
        user_id: context.current.user.id,
        session_id: context.current.session.id.clone(),
        session_secret: session_secret.clone(),
        verified,
        hash,
        known: auth.known_places(attempt),
        event: context.event(EventKind::PasswordChanged, now),
        mail: context.mail(MailKind::PasswordChanged { username: context.current.user.username.clone() }),
    };
    let outbox = context.outbox(accounts.outbox());
    let step = move |conn: &mut _, ended: &mut _| change_password(conn, ended, &outbox, change.clone(), now);
    Ok(accounts.write(step).await?.then_some(session_secret))
}

fn changed_response(context: &AccountContext, lifetimes: Lifetimes, now: Moment, secret: &PlainSecret) -> HttpResponse {
    let mut response = see_other(&format!("/?notice={}", Notice::PasswordChanged.code()));
    let max_age_seconds = lifetimes.cookie_max_age_seconds(&context.current.session, now);
    context.session.sign_in(secret, max_age_seconds);
    let config = crate::web::config(&context.request);
    cookies::set_proxy(&mut response, config, &sessions::proxy_secret(secret), max_age_seconds);
    response
}

fn form(context: &AccountContext, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let layout = context.layout();
    let page = PasswordPage {
        csrf: context.csrf(),
        active_tab: "password",
        username: context.current.user.username.clone(),
        new_password: NewPassword::new(layout.words, "field-new-password", &context.policy()),
        notice: context.notice(&layout),
        alert,
        layout,
    };
    context.page_with_script(status, &page)
}
