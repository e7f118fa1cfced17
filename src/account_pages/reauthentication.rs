//! Re-authentication of a signed-in user before a change that a stolen session must not make.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::context::AccountContext;
use crate::authentication::{AuthService, PasswordAttempt, Reauthentication};
use crate::error::AppError;
use crate::users::password::Password;
use crate::users::stored_hash::StoredHash;
use crate::web::background::{OVERLOADED_WAIT, retry_after};
use crate::web::form_post::FormRejection;
use crate::web::pages::Alert;

/// Outcome of a re-authentication on a page.
pub enum ReauthenticationOutcome {
    /// The password is correct: the hash that it was verified against, and the attempt.
    Correct(StoredHash, Box<PasswordAttempt>),
    /// The password is wrong or was not verified.
    Failed(Box<ReauthenticationFailure>),
}

/// A failed re-authentication: how the form is shown again.
pub struct ReauthenticationFailure {
    /// The status of the response.
    pub status: StatusCode,
    /// The alert on the page.
    pub alert: Alert,
    wait: Option<Duration>,
}

impl ReauthenticationFailure {
    /// Adds `Retry-After` to the response, if the user has to wait.
    pub fn with_retry_after(&self, response: HttpResponse) -> HttpResponse {
        match self.wait {
            Some(wait) => retry_after(response, wait),
            None => response,
        }
    }
}

/// Verifies the text that the user typed as their current password.
pub async fn reauthenticate(
    context: &AccountContext,
    auth: &AuthService,
    typed: &str,
) -> Result<ReauthenticationOutcome, AppError> {
    let words = context.layout().words;
    let failed = |status, alert, wait| {
        Ok(ReauthenticationOutcome::Failed(Box::new(ReauthenticationFailure { status, alert, wait })))
    };
    let wrong = || failed(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "alert-wrong-password"), None);
    let attempt = Password::parse(typed).ok().and_then(|password| context.attempt(password));
    let Some(attempt) = attempt else { return wrong() };
    match auth.reauthenticate(attempt.clone()).await? {
        Reauthentication::Correct(hash) => Ok(ReauthenticationOutcome::Correct(hash, Box::new(attempt))),
        Reauthentication::Incorrect => wrong(),
        Reauthentication::Throttled(wait) => {
            let alert = Alert::with_wait(words, "alert-throttled", wait);
            failed(StatusCode::TOO_MANY_REQUESTS, alert, Some(wait))
        }
        Reauthentication::Overloaded => {
            let alert = Alert::with_wait(words, "alert-busy", OVERLOADED_WAIT);
            failed(StatusCode::SERVICE_UNAVAILABLE, alert, Some(OVERLOADED_WAIT))
        }
    }
}

/// The alert for a rejected form post.
pub fn rejection_alert(context: &AccountContext, rejection: FormRejection) -> Alert {
    let layout = context.layout();
    let mut alert = rejection.alert(layout.words, &context.request);
    if rejection == FormRejection::Stale {
        layout.word("alert-stale-account-text").clone_into(&mut alert.text);
    }
    alert
}
