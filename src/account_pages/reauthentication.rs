//! Asking a person for their password once more before something that a stolen session must not do, and the words when it is refused.
//! What may not live here: the check (`credentials`), and what it is asked for.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;

use super::context::AccountContext;
use crate::authentication::{Attempt, Reauthentication};
use crate::error::AppError;
use crate::users::argon2id::PasswordHash;
use crate::users::password::Password;
use crate::web::form_post::FormRejection;
use crate::web::pages::{Alert, wait_text};

/// How long to wait when there was no room for a hash.
const OVERLOADED_WAIT: Duration = Duration::from_secs(2);

/// What became of it.
pub enum ReauthenticationOutcome {
    /// It is right: the hash that it was held against, and the try.
    Right(PasswordHash, Box<Attempt>),
    /// It is not, or was not looked at.
    Refused(Box<ReauthenticationFailure>),
}

/// What to say.
pub struct ReauthenticationFailure {
    pub status: StatusCode,
    pub alert: Alert,
    wait: Option<Duration>,
}

impl ReauthenticationFailure {
    /// The form that is shown again, with the time to wait.
    pub fn put_on(&self, mut response: HttpResponse) -> HttpResponse {
        if let Some(wait) = self.wait {
            response.headers_mut().insert(RETRY_AFTER, wait.as_secs().max(1).into());
        }
        response
    }
}

/// Checks what the person typed as their password.
///
/// # Errors
/// When it could not be decided.
pub async fn reauthenticate(context: &AccountContext, typed: &str) -> Result<ReauthenticationOutcome, AppError> {
    let refused = |status, alert, wait| {
        ReauthenticationOutcome::Refused(Box::new(ReauthenticationFailure { status, alert, wait }))
    };
    let layout = context.layout();
    let wrong = || Alert::named(layout.words, "alert-wrong-password");
    let attempt = Password::parse(typed).ok().and_then(|password| context.attempt(password));
    let Some(attempt) = attempt else { return Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, wrong(), None)) };
    Ok(match context.lock.reauthenticate(attempt.clone()).await? {
        Reauthentication::Right(hash) => ReauthenticationOutcome::Right(hash, Box::new(attempt)),
        Reauthentication::Wrong => refused(StatusCode::UNPROCESSABLE_ENTITY, wrong(), None),
        Reauthentication::Throttled(wait) => {
            let alert = waiting(context, "alert-throttled", wait);
            refused(StatusCode::TOO_MANY_REQUESTS, alert, Some(wait))
        }
        Reauthentication::Overloaded => {
            let alert = waiting(context, "alert-busy", OVERLOADED_WAIT);
            refused(StatusCode::SERVICE_UNAVAILABLE, alert, Some(OVERLOADED_WAIT))
        }
    })
}

/// Why a form of the account was not acted on.
pub fn refusal_alert(context: &AccountContext, refusal: FormRejection) -> Alert {
    let layout = context.layout();
    let mut alert = refusal.alert(layout.words, &context.request);
    if refusal == FormRejection::Stale {
        layout.word("alert-stale-account-text").clone_into(&mut alert.text);
    }
    alert
}

fn waiting(context: &AccountContext, name: &str, wait: Duration) -> Alert {
    let layout = context.layout();
    let text = wait_text(layout.words, wait.as_secs());
    let text = layout.words.format(&format!("{name}-text"), &[("wait", text.into())]);
    Alert { text, ..Alert::named(layout.words, name) }
}
