//! `/account/password`: a new password for somebody who is signed in and knows the old one.
//! What may not live here: the rule on passwords (`users::password`) and the check of the old one (`credentials`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::PasswordPage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, refusal_alert};
use crate::admin::LINKS_REVOKED_ON_CREDENTIAL_CHANGE;
use crate::audit::{self, EventKind};
use crate::authentication::{self, Attempt};
use crate::clock::Moment;
use crate::db::DbError;
use crate::error::AppError;
use crate::links;
use crate::mail::MailKind;
use crate::secret::PlainSecret;
use crate::sessions::{self, EndReason};
use crate::users;
use crate::users::argon2id::PasswordHash;
use crate::users::password::{Owner, Password};
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::new_password::{NewPassword, refusal_text};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// The form.
pub async fn show(account: AccountRequest) -> Result<HttpResponse, AppError> {
    match account {
        AccountRequest::SignedIn(context) => form(&context, StatusCode::OK, None),
        AccountRequest::SignedOut(sign_in) => Ok(sign_in.redirect()),
    }
}

/// Changes the password, ends all other sessions and gives this one a new secret.
pub async fn submit(account: AccountRequest, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let FormPost { parameters, refusal } = form_post::read(&context.request, payload, &context.session, false).await?;
    let layout = context.layout();
    let words = layout.words;
    if let Some(refusal) = refusal {
        return form(&context, refusal.status(), Some(refusal_alert(&context, refusal)));
    }
    let refused = |text: String| {
        let title = words.get("password-alert-title").to_owned();
        form(&context, StatusCode::UNPROCESSABLE_ENTITY, Some(Alert { title, text }))
    };
    let (Some(old), Some(new)) = (parameters.get_non_empty("current"), parameters.get_non_empty("password")) else {
        return refused(words.get("password-missing").to_owned());
    };
    if old == new {
        return refused(words.get("password-same").to_owned());
    }
    // Before the old one is checked: whoever mistypes the new one is charged no try.
    let chosen = match Password::choose(new, &Owner::from(&context.current.user), &context.policy()) {
        Ok(chosen) => chosen,
        Err(error) => return refused(refusal_text(words, &error)),
    };
    let (checked, attempt) = match reauthenticate(&context, old).await? {
        ReauthenticationOutcome::Right(checked, attempt) => (checked, attempt),
        ReauthenticationOutcome::Refused(refused) => {
            return Ok(refused.put_on(form(&context, refused.status, Some(refused.alert.clone()))?));
        }
    };
    let Ok(hash) = context.lock.hash_pool.hash(chosen).await else { return Err(AppError::unavailable()) };
    match change(&context, checked, hash, &attempt).await? {
        PasswordChange::Done(secret) => finish(&context, &secret),
        PasswordChange::Overtaken => refused(words.get("password-overtaken").to_owned()),
    }
}

enum PasswordChange {
    Done(PlainSecret),
    /// The password was changed by somebody else meanwhile.
    Overtaken,
}

/// One transaction: the hash, the other sessions, the devices, this session's secret, the event.
async fn change(
    context: &AccountContext,
    checked: PasswordHash,
    hash: PasswordHash,
    attempt: &Attempt,
) -> Result<PasswordChange, DbError> {
    let now: Moment = context.lock.clock.now();
    let (user_id, session_id) = (context.current.user.id, context.current.session.id.clone());
    let known = context.lock.known_places(attempt);
    let event = context.event(EventKind::PasswordChanged, now);
    let mail = context.mail(MailKind::PasswordChanged { username: context.current.user.username.clone() });
    let outbox = context.outbox();
    let secret = PlainSecret::generate();
    let new_secret = secret.clone();
    let step = move |conn: &mut _| -> Result<_, DbError> {
        // First, for it takes the row's lock: a sign-in with the old password comes before it, and is ended, or after it, and fails.
        if !users::change_password_hash(conn, user_id, &hash, &checked, now)? {
            return Ok(None);
        }
        // A session that was ended meanwhile gets no new life; the new password stands all the same.
        sessions::renew_secret(conn, &session_id, &new_secret, now)?;
        let ended = sessions::end_others_of_user(conn, user_id, &session_id, EndReason::PasswordChanged, now)?;
        authentication::forget_other_devices(conn, user_id, &known)?;
        links::revoke_of_user(conn, &LINKS_REVOKED_ON_CREDENTIAL_CHANGE, user_id)?;
        audit::record(conn, &event)?;
        if let Some(mail) = mail {
            outbox.queue(conn, mail, now)?;
        }
        Ok(Some(ended))
    };
    let Some(ended) = context.lock.db.write(step).await? else { return Ok(PasswordChange::Overtaken) };
    for (id, access_until) in ended {
        context.lock.tokens.revoked().add(&id, access_until);
    }
    Ok(PasswordChange::Done(secret))
}

fn finish(context: &AccountContext, secret: &PlainSecret) -> Result<HttpResponse, AppError> {
    let mut response = see_other(&format!("/?notice={}", Notice::PasswordChanged.code()));
    let kept_seconds = context.lock.lifetimes.cookie_seconds(&context.current.session, context.lock.clock.now());
    context.session.sign_in(secret, kept_seconds)?;
    let config = crate::web::config(&context.request);
    cookies::set_proxy(&mut response, config, &sessions::proxy_secret(secret), kept_seconds)?;
    Ok(response)
}

fn form(context: &AccountContext, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let layout = context.layout();
    let page = PasswordPage {
        csrf: context.csrf()?,
        active_tab: "password",
        username: context.current.user.username.clone(),
        new_password: NewPassword::new(layout.words, "field-new-password", &context.policy()),
        notice: context.notice(&layout),
        alert,
        layout,
    };
    context.page_with_script(status, &page)
}
