//! The checks that every form post must pass before its fields are used.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

use super::client_ip;
use super::csrf::{self, Provenance};
use super::form::Parameters;
use super::pages::Alert;
use super::session::BrowserSession;
use crate::error::AppError;
use crate::i18n::Translation;

/// The `Retry-After` while the mail queue is full.
pub const MAIL_QUEUE_WAIT: Duration = Duration::from_mins(5);

/// Why a form post is rejected and the form shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormRejection {
    /// Another site sent it.
    CrossSite,
    /// The browser sent no session cookie.
    NoCookie {
        /// Whether a `Secure` cookie was set over http, which browsers ignore.
        is_insecure: bool,
    },
    /// Its CSRF token is from an earlier session.
    Stale,
    /// Its body is malformed, too large or not a form; with the status of the response.
    Malformed(StatusCode),
}

impl FormRejection {
    /// The status of the form that is shown again.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Malformed(status) => status,
            Self::NoCookie { .. } | Self::Stale => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The alert that explains it.
    #[must_use]
    pub fn alert(self, words: &Translation, request: &HttpRequest) -> Alert {
        match self {
            Self::NoCookie { is_insecure: true } => insecure_alert(words, request),
            Self::CrossSite if csrf::is_own_page_over_http(request) => insecure_alert(words, request),
            Self::CrossSite => Alert::named(words, "alert-cross-site"),
            Self::NoCookie { is_insecure: false } => Alert::named(words, "alert-no-cookie"),
            Self::Stale => Alert::named(words, "alert-stale"),
            Self::Malformed(_) => Alert::named(words, "alert-bad-form"),
        }
    }
}

/// The alert for a page that was opened over http although the server is on https.
fn insecure_alert(words: &Translation, request: &HttpRequest) -> Alert {
    let url = super::config(request).public_url.as_str();
    let text = words.format("alert-insecure-cookie-text", &[("url", url.into())]);
    Alert { text, ..Alert::named(words, "alert-no-cookie") }
}

/// The state in which a form is shown: for the first time, or again with an alert.
#[derive(Default)]
pub struct FormState {
    /// The status; 200 by default.
    pub status: StatusCode,
    /// The alert.
    pub alert: Option<Alert>,
    /// Why the post was rejected before its fields were used.
    pub rejection: Option<FormRejection>,
}

impl FormState {
    /// The form after a rejected post.
    #[must_use]
    pub fn rejected(rejection: FormRejection, words: &Translation, request: &HttpRequest) -> Self {
        Self { status: rejection.status(), alert: Some(rejection.alert(words, request)), rejection: Some(rejection) }
    }

    /// The form after a post that cannot be mailed now. Shown whether or not the address has an account.
    #[must_use]
    pub fn mail_queue_full(words: &Translation) -> Self {
        let alert = Alert::with_wait(words, "mail-queue-full", MAIL_QUEUE_WAIT);
        Self::failed(StatusCode::SERVICE_UNAVAILABLE, alert)
    }

    /// The form after a post whose fields were used and that failed.
    #[must_use]
    pub fn failed(status: StatusCode, alert: Alert) -> Self {
        Self { status, alert: Some(alert), rejection: None }
    }
}

/// A form post, and whether it was rejected.
pub struct FormPost {
    /// Its fields; empty when it is cross-site or malformed.
    pub parameters: Parameters,
    /// `None` when its fields may be used.
    pub rejection: Option<FormRejection>,
}

/// Reads and checks a form post. With `same_origin_suffices`, a post that the browser reports as same-origin passes
/// with a stale token: two tabs opened before any cookie existed can both sign in. A body that is too slow gets a 408.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    session: &BrowserSession,
    same_origin_suffices: bool,
) -> Result<FormPost, AppError> {
    let provenance = csrf::provenance(request);
    // Over http, another site's frame sends only `Origin: null`; without a session cookie such a post counts as
    // cross-site.
    let is_opaque_without_cookie = provenance == Provenance::OpaqueOrigin && session.csrf_seed().is_none();
    // First, so another site cannot even prefill a field.
    if provenance == Provenance::CrossSite || is_opaque_without_cookie {
        return Ok(FormPost { parameters: Parameters::default(), rejection: Some(FormRejection::CrossSite) });
    }
    let parameters = match Parameters::read(request, payload).await {
        Ok(parameters) => parameters,
        Err(error) => {
            let status = match actix_web::ResponseError::status_code(&error) {
                StatusCode::REQUEST_TIMEOUT => return Err(error),
                StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
                status => status,
            };
            let rejection = Some(FormRejection::Malformed(status));
            return Ok(FormPost { parameters: Parameters::default(), rejection });
        }
    };
    let is_token_optional = same_origin_suffices && provenance == Provenance::SameOrigin;
    let rejection = find_rejection(request, &parameters, session, is_token_optional);
    Ok(FormPost { parameters, rejection })
}

/// The CSRF token of a form. A cross-site post comes without the session cookie (`SameSite=Lax`), but the browser
/// stores the response's cookies: a new seed would overwrite the session. The token is empty then.
#[must_use]
pub fn csrf_token(session: &BrowserSession, rejection: Option<FormRejection>) -> String {
    match (session.csrf_seed(), rejection) {
        (Some(seed), _) => csrf::token(&seed),
        (None, Some(FormRejection::CrossSite)) => String::new(),
        (None, _) => csrf::token(&session.csrf_seed_or_new()),
    }
}

fn find_rejection(
    request: &HttpRequest,
    parameters: &Parameters,
    session: &BrowserSession,
    is_token_optional: bool,
) -> Option<FormRejection> {
    let Some(seed) = session.csrf_seed() else {
        let is_insecure = super::config(request).public_url.is_https() && !client_ip::is_https(request);
        return Some(FormRejection::NoCookie { is_insecure });
    };
    let has_token = parameters.get("csrf").is_some_and(|token| csrf::is_valid_token(&seed, token));
    (!is_token_optional && !has_token).then_some(FormRejection::Stale)
}
