//! `/account/password`: a new password for somebody who is signed in and knows the old one.
//! What may not live here: the rule on passwords (`users::password`) and the check of the old one (`credentials`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::asking::{Asked, ask, refusal_alert};
use super::pages::PasswordPage;
use super::visit::{Arrival, Visit};
use crate::admin::LINKS_OF_OLD;
use crate::audit::{self, EventKind};
use crate::clock::Moment;
use crate::credentials::{self, Attempt};
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
pub async fn show(arrival: Arrival) -> Result<HttpResponse, AppError> {
    match arrival {
        Arrival::In(visit) => form(&visit, StatusCode::OK, None),
        Arrival::Out(departure) => Ok(departure.redirect()),
    }
}

/// Changes the password, ends all other sessions and gives this one a new secret.
pub async fn submit(arrival: Arrival, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return Ok(departure.redirect()),
    };
    let FormPost { parameters, refusal } = form_post::read(&visit.request, payload, &visit.session, false).await?;
    let layout = visit.layout();
    let words = layout.words;
    if let Some(refusal) = refusal {
        return form(&visit, refusal.status(), Some(refusal_alert(&visit, refusal)));
    }
    let refused = |text: String| {
        let title = words.get("password-alert-title").to_owned();
        form(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(Alert { title, text }))
    };
    let (Some(old), Some(new)) = (parameters.get_filled("current"), parameters.get_filled("password")) else {
        return refused(words.get("password-missing").to_owned());
    };
    if old == new {
        return refused(words.get("password-same").to_owned());
    }
    // Before the old one is checked: whoever mistypes the new one is charged no try.
    let chosen = match Password::choose(new, &Owner::from(&visit.current.user), &visit.policy()) {
        Ok(chosen) => chosen,
        Err(error) => return refused(refusal_text(words, &error)),
    };
    let (checked, attempt) = match ask(&visit, old).await? {
        Asked::Right(checked, attempt) => (checked, attempt),
        Asked::Refused(refused) => {
            return Ok(refused.put_on(form(&visit, refused.status, Some(refused.alert.clone()))?));
        }
    };
    let Ok(hash) = visit.lock.hash_pool.hash(chosen).await else { return Err(AppError::unavailable()) };
    match change(&visit, checked, hash, &attempt).await? {
        Change::Done(secret) => finish(&visit, &secret),
        Change::Overtaken => refused(words.get("password-overtaken").to_owned()),
    }
}

enum Change {
    Done(PlainSecret),
    /// The password was changed by somebody else meanwhile.
    Overtaken,
}

/// One transaction: the hash, the other sessions, the devices, this session's secret, the event.
async fn change(
    visit: &Visit,
    checked: PasswordHash,
    hash: PasswordHash,
    attempt: &Attempt,
) -> Result<Change, DbError> {
    let now: Moment = visit.lock.clock.now();
    let (user_id, session_id) = (visit.current.user.id, visit.current.session.id.clone());
    let known = visit.lock.known_places(attempt);
    let event = visit.event(EventKind::PasswordChanged, now);
    let mail = visit.mail(MailKind::PasswordChanged { username: visit.current.user.username.clone() });
    let outbox = visit.outbox();
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
        credentials::forget_other_devices(conn, user_id, &known)?;
        links::revoke_of_user(conn, &LINKS_OF_OLD, user_id)?;
        audit::record(conn, &event)?;
        if let Some(mail) = mail {
            outbox.queue(conn, mail, now)?;
        }
        Ok(Some(ended))
    };
    let Some(ended) = visit.lock.db.write(step).await? else { return Ok(Change::Overtaken) };
    for (id, access_until) in ended {
        visit.lock.tokens.ended().add(&id, access_until);
    }
    Ok(Change::Done(secret))
}

fn finish(visit: &Visit, secret: &PlainSecret) -> Result<HttpResponse, AppError> {
    let mut response = see_other(&format!("/?notice={}", Notice::PasswordChanged.code()));
    let kept_seconds = visit.lock.lifetimes.cookie_seconds(&visit.current.session, visit.lock.clock.now());
    visit.session.sign_in(secret, kept_seconds)?;
    let config = crate::web::config(&visit.request);
    cookies::set_proxy(&mut response, config, &sessions::proxy_secret(secret), kept_seconds)?;
    Ok(response)
}

fn form(visit: &Visit, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let layout = visit.layout();
    let page = PasswordPage {
        csrf: visit.csrf()?,
        place: "password",
        username: visit.current.user.username.clone(),
        new_password: NewPassword::new(layout.words, "field-new-password", &visit.policy()),
        notice: visit.notice(&layout),
        alert,
        layout,
    };
    visit.page_with_script(status, &page)
}
