//! `/login`: the sign-in page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::LoginPage;
use super::redirect_loop::redirect_signed_in;
use super::response::signed_in_response;
use crate::authentication::{AuthService, PasswordAttempt, SignIn, SignInPurpose};
use crate::error::AppError;
use crate::users::LookupName;
use crate::users::password::Password;
use crate::web::background::{OVERLOADED_WAIT, retry_after};
use crate::web::cookies::{self, CookieName};
use crate::web::current_user::MaybeUser;
use crate::web::form::Parameters;
use crate::web::form_post::{self, FormPost, FormState};
use crate::web::language::words_for;
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html_with_script};
use crate::web::return_to::ReturnTo;
use crate::web::session::BrowserSession;
use crate::web::{attempt_origin, headers};

/// The most characters of a username that the form repeats.
const MAX_USERNAME_CHARACTERS: usize = 256;

/// Shows the form, or redirects a user who is signed in already.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
) -> Result<HttpResponse, AppError> {
    let query = Parameters::from_query(request.query_string());
    let username = cookies::find_username(&request);
    let has_username = username.is_some();
    let form = SignInForm {
        next: ReturnTo::parse(query.get("next").unwrap_or_default(), crate::web::config(&request)),
        username: username.unwrap_or_default(),
        is_remembered: false,
        notice: Notice::in_query(&query, &Layout::new(&request)),
    };
    let redirect = match user {
        Some(current) => redirect_signed_in(&request, &session, &current, &form.next).await?,
        None => None,
    };
    let mut response = match redirect {
        Some(response) => response,
        None => form.render(&request, &session, FormState::default())?,
    };
    // The username of an accepted invitation or a password reset is shown once, and not to the next person at this
    // browser.
    if has_username {
        cookies::remove(&mut response, crate::web::config(&request), CookieName::Username);
    }
    Ok(response)
}

/// Signs the user in.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    auth: web::Data<AuthService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, rejection } = form_post::read(&request, payload, &session, true).await?;
    let form = SignInForm::from_post(&request, &parameters);
    let words = words_for(&request);
    if let Some(rejection) = rejection {
        return form.render(&request, &session, FormState::rejected(rejection, words, &request));
    }
    let invalid = |alert| FormState::failed(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, alert));
    let (Some(username), Some(password)) = (parameters.get_non_empty("username"), parameters.get_non_empty("password"))
    else {
        return form.render(&request, &session, invalid("alert-missing"));
    };
    let (Some(username), Ok(password)) = (LookupName::parse(username), Password::parse(password)) else {
        return form.render(&request, &session, invalid("alert-wrong-credentials"));
    };
    let attempt = PasswordAttempt { username, password, origin: attempt_origin(&request, Some(words.language())) };
    let purpose = SignInPurpose::Browser { is_remembered: form.is_remembered, previous: session.secret() };
    match auth.sign_in_detached(attempt, purpose).await? {
        SignIn::Done(signed_in) => Ok(signed_in_response(&request, &session, &signed_in, form.next.address())),
        // The page requests no scope and has no client: only `Rejected` occurs.
        SignIn::Rejected | SignIn::ScopeRejected | SignIn::ClientGone => {
            form.render(&request, &session, invalid("alert-wrong-credentials"))
        }
        SignIn::NewPasswordRequired => form.render(&request, &session, invalid("alert-new-password-required")),
        SignIn::Disabled => form.render(&request, &session, invalid("alert-disabled")),
        SignIn::Throttled(wait) => {
            let alert = Alert::with_wait(words, "alert-throttled", wait);
            let state = FormState::failed(StatusCode::TOO_MANY_REQUESTS, alert);
            Ok(retry_after(form.render(&request, &session, state)?, wait))
        }
        SignIn::Overloaded => {
            let alert = Alert::with_wait(words, "alert-busy", OVERLOADED_WAIT);
            let state = FormState::failed(StatusCode::SERVICE_UNAVAILABLE, alert);
            Ok(retry_after(form.render(&request, &session, state)?, OVERLOADED_WAIT))
        }
    }
}

/// The values of the form.
struct SignInForm {
    next: ReturnTo,
    username: String,
    is_remembered: bool,
    notice: Option<String>,
}

impl SignInForm {
    fn from_post(request: &HttpRequest, parameters: &Parameters) -> Self {
        Self {
            next: ReturnTo::parse(parameters.get("next").unwrap_or_default(), crate::web::config(request)),
            username: parameters.get("username").unwrap_or_default().chars().take(MAX_USERNAME_CHARACTERS).collect(),
            is_remembered: parameters.get("remember").is_some(),
            notice: None,
        }
    }

    fn render(
        self,
        request: &HttpRequest,
        session: &BrowserSession,
        state: FormState,
    ) -> Result<HttpResponse, AppError> {
        let page = LoginPage {
            layout: Layout::new(request).with_next(&self.next),
            csrf: form_post::csrf_token(session, state.rejection),
            next: self.next.field().to_owned(),
            username: self.username,
            is_remembered: self.is_remembered,
            alert: state.alert,
            notice: self.notice,
            is_registration_open: crate::web::config(request).is_registration_open,
        };
        let mut response = html_with_script(state.status, &page)?;
        headers::allow_form_redirect(&mut response, &self.next);
        Ok(response)
    }
}
