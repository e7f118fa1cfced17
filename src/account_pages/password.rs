//! `/account/password`: changing the password.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::PasswordPage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, rejection_alert};
use crate::accounts::{AccountService, PasswordChange, PasswordChanged, change_password};
use crate::audit::EventKind;
use crate::authentication::AuthService;
use crate::error::AppError;
use crate::mail::MailKind;
use crate::secret::PlainSecret;
use crate::sessions::{self, SessionService, StartedSession};
use crate::tokens::{Grant, IssuedToken, Subject, TokenService};
use crate::users::hash_pool::HashPoolFull;
use crate::users::password::{Owner, ProposedPassword};
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

/// Changes the password, ends all sessions and starts a new one for this browser.
pub async fn submit(
    account: AccountRequest,
    payload: web::Payload,
    auth: web::Data<AuthService>,
    accounts: web::Data<AccountService>,
    sessions: web::Data<SessionService>,
    tokens: web::Data<TokenService>,
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
    // Before the current password: one that breaks a rule on its form costs no attempt. Its strength is estimated after
    // that, because the estimate takes as long as a hash and only attempts at the password are throttled.
    let proposed = match ProposedPassword::parse(new, Owner::from(&context.current.user), &context.policy()) {
        Ok(proposed) => proposed,
        Err(error) => return invalid(rejection_text(words, &error)),
    };
    let (verified, attempt) = match reauthenticate(&context, &auth, old).await? {
        ReauthenticationOutcome::Correct(verified, attempt) => (verified, attempt),
        ReauthenticationOutcome::Failed(failure) => {
            return Ok(failure.with_retry_after(form(&context, failure.status, Some(failure.alert.clone()))?));
        }
    };
    let hash = match accounts.hash_new(proposed).await {
        Ok(Ok(hash)) => hash,
        Ok(Err(error)) => return invalid(rejection_text(words, &error)),
        Err(HashPoolFull) => return Err(AppError::unavailable()),
    };
    let now = accounts.clock().now();
    let signer = tokens.signer(now);
    let change = PasswordChange {
        user_id: context.current.user.id,
        session: context.current.session.clone(),
        signing_kid: signer.kid().map(str::to_owned),
        lifetimes: sessions.lifetimes(),
        verified,
        hash,
        known: auth.known_places(&attempt),
        event: context.event(EventKind::PasswordChanged, now),
        mail: context.mail(MailKind::PasswordChanged),
    };
    let outbox = context.outbox(accounts.outbox());
    let step = move |conn: &mut _, ended: &mut _| change_password(conn, ended, &outbox, change.clone(), now);
    match accounts.write(step).await? {
        PasswordChanged::Done(Some(started)) => {
            let StartedSession { session, holders, secret } = *started;
            let subject = Subject::User(&context.current.user, &context.current.roles);
            let grant = Grant { subject, scope: &session.scope, session: &session, holders: &holders };
            let token = tokens.issue(&signer, grant, now).map_err(AppError::internal)?;
            let max_age_seconds = sessions.lifetimes().cookie_max_age_seconds(&session, now);
            Ok(changed_response(&context, secret.as_ref(), &token, max_age_seconds))
        }
        // The session was ended in the meantime: the account page leads to the sign-in page.
        PasswordChanged::Done(None) => Ok(changed_redirect()),
        PasswordChanged::Overtaken => invalid(words.get("password-overtaken").to_owned()),
    }
}

/// The redirect to the account page, with the cookies of the new session.
fn changed_response(
    context: &AccountContext,
    secret: Option<&PlainSecret>,
    token: &IssuedToken,
    max_age_seconds: Option<i64>,
) -> HttpResponse {
    let mut response = changed_redirect();
    let config = crate::web::config(&context.request);
    cookies::set_token(&mut response, config, token, context.current.user.id);
    if let Some(secret) = secret {
        context.session.sign_in(secret, max_age_seconds);
        cookies::set_proxy(&mut response, config, &sessions::proxy_secret(secret), max_age_seconds);
    }
    response
}

/// The redirect to the account page, which says that the password was changed.
fn changed_redirect() -> HttpResponse {
    see_other(&format!("/?notice={}", Notice::PasswordChanged.code()))
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
