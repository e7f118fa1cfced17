//! What every form post of our pages must pass before its fields are looked at.
//! What may not live here: what a form does.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

use super::client_ip;
use super::csrf::{self, Provenance};
use super::form::Parameters;
use super::pages::Alert;
use super::session::BrowserSession;
use crate::error::AppError;
use crate::i18n::Words;

/// Why a form is shown again instead of being acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormRejection {
    /// Another site sent it.
    CrossSite,
    /// The browser sent no cookie of ours.
    NoCookie {
        /// Because it was given over http a cookie that it keeps for https.
        is_insecure: bool,
    },
    /// Its token is from before.
    Stale,
    /// It could not be read.
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

    /// The words for it.
    #[must_use]
    pub fn alert(self, words: &Words, request: &HttpRequest) -> Alert {
        match self {
            Self::CrossSite => Alert::named(words, "alert-cross-site"),
            Self::NoCookie { is_insecure: true } => {
                let url = super::config(request).public_url.as_str();
                let text = words.format("alert-insecure-cookie-text", &[("url", url.into())]);
                Alert { text, ..Alert::named(words, "alert-no-cookie") }
            }
            Self::NoCookie { is_insecure: false } => Alert::named(words, "alert-no-cookie"),
            Self::Stale => Alert::named(words, "alert-stale"),
            Self::Malformed(_) => Alert::named(words, "alert-bad-form"),
        }
    }
}

/// How a form is shown: at first, or again with what is wrong.
#[derive(Default)]
pub struct FormState {
    /// The status; 200 at first.
    pub status: StatusCode,
    /// What is wrong.
    pub alert: Option<Alert>,
    /// Why the post was rejected before its fields were read.
    pub rejection: Option<FormRejection>,
}

impl FormState {
    /// The form after a rejected post.
    #[must_use]
    pub fn rejected(rejection: FormRejection, words: &Words, request: &HttpRequest) -> Self {
        Self { status: rejection.status(), alert: Some(rejection.alert(words, request)), rejection: Some(rejection) }
    }

    /// The form after a post that was read and failed.
    #[must_use]
    pub fn failed(status: StatusCode, alert: Alert) -> Self {
        Self { status, alert: Some(alert), rejection: None }
    }
}

/// A form post as it came, and why it must not be acted on, if so.
pub struct FormPost {
    /// Its fields; none when it came from elsewhere.
    pub parameters: Parameters,
    /// `None` when it may be acted on.
    pub refusal: Option<FormRejection>,
}

/// Reads a form post. With `vouching_suffices`, one that the browser says comes from our own page passes with a stale token: two
/// tabs that were opened before any cookie existed both sign in, and nothing is at stake that a foreign page could reach.
///
/// # Errors
/// 408 when the body does not come.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    session: &BrowserSession,
    vouching_suffices: bool,
) -> Result<FormPost, AppError> {
    let provenance = csrf::provenance(request);
    // Over http, browsers say `Origin: null` of another site's frame and nothing more: without a cookie it is taken for that.
    let is_opaque_without_cookie = provenance == Provenance::OpaqueOrigin && session.csrf_seed().is_none();
    // Before anything else: not even a name is taken over from there.
    if provenance == Provenance::CrossSite || is_opaque_without_cookie {
        return Ok(FormPost { parameters: Parameters::default(), refusal: Some(FormRejection::CrossSite) });
    }
    let parameters = match Parameters::read(request, payload).await {
        Ok(parameters) => parameters,
        Err(error) => {
            let status = match actix_web::ResponseError::status_code(&error) {
                StatusCode::REQUEST_TIMEOUT => return Err(error),
                StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
                status => status,
            };
            return Ok(FormPost { parameters: Parameters::default(), refusal: Some(FormRejection::Malformed(status)) });
        }
    };
    let is_vouched = vouching_suffices && provenance == Provenance::SameOrigin;
    let refusal = find_refusal(request, &parameters, session, is_vouched);
    Ok(FormPost { parameters, refusal })
}

/// The token of a form that is shown, or shown again. Another site's post comes without the cookies that the browser holds (`Lax`),
/// but the browser keeps those of the answer: a new seed would take the place of the session. So it gets none.
///
/// # Errors
/// 500 when the cookie cannot be written, which text does not cause.
pub fn csrf_token(session: &BrowserSession, refusal: Option<FormRejection>) -> Result<String, AppError> {
    match (session.csrf_seed(), refusal) {
        (Some(seed), _) => Ok(csrf::token(&seed)),
        (None, Some(FormRejection::CrossSite)) => Ok(String::new()),
        (None, _) => Ok(csrf::token(&session.csrf_seed_or_new()?)),
    }
}

fn find_refusal(
    request: &HttpRequest,
    parameters: &Parameters,
    session: &BrowserSession,
    is_vouched: bool,
) -> Option<FormRejection> {
    let Some(seed) = session.csrf_seed() else {
        let is_insecure = super::config(request).public_url.is_https() && !client_ip::is_https(request);
        return Some(FormRejection::NoCookie { is_insecure });
    };
    let has_token = parameters.get("csrf").is_some_and(|token| csrf::fits(&seed, token));
    (!is_vouched && !has_token).then_some(FormRejection::Stale)
}
