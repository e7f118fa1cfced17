//! `/login`: HTTP in and out, and where each route of this door is mounted. What may not live here: the check (`credentials`) and the words (`locales/`).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::LoginPage;
use super::response::signed_in_response;
use super::{redirect_loop, setup, sign_out};
use crate::authentication::{AuthService, PasswordAttempt, SignIn, SignInPurpose};
use crate::error::AppError;
use crate::users::LookupName;
use crate::users::password::Password;
use crate::web::background::retry_after;
use crate::web::current_user::MaybeUser;
use crate::web::form::Parameters;
use crate::web::form_post::{self, FormPost, FormRejection};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html};
use crate::web::return_to::ReturnTo;
use crate::web::session::BrowserSession;
use crate::web::{WebConfig, attempt_origin, error_page, get, headers, session};

/// Mounts the routes of this door.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    let methods =
        |allow: &'static str| web::to(move || async move { Err::<String, _>(AppError::method_not_allowed(allow)) });
    services
        .service(
            web::resource("/login")
                .wrap(session::middleware(config))
                .wrap(from_fn(session::keep_cookie))
                .wrap(from_fn(error_page::middleware))
                .route(get().to(show))
                .route(web::post().to(sign_in))
                .default_service(methods("GET, HEAD, POST")),
        )
        .service(
            web::resource("/logout")
                .wrap(session::middleware(config))
                .wrap(from_fn(error_page::middleware))
                .route(get().to(sign_out::show))
                .route(web::post().to(sign_out::submit))
                .default_service(methods("GET, HEAD, POST")),
        )
        .service(
            web::resource("/setup")
                .wrap(session::middleware(config))
                .wrap(from_fn(error_page::middleware))
                .route(get().to(setup::show))
                .route(web::post().to(setup::submit))
                .default_service(methods("GET, HEAD, POST")),
        );
}

async fn show(
    request: HttpRequest,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
) -> Result<HttpResponse, AppError> {
    let query = Parameters::from_query(request.query_string());
    let next = ReturnTo::parse(query.get("next").unwrap_or_default(), crate::web::config(&request));
    if let Some(current) = user
        && let Some(response) = redirect_loop::redirect_signed_in(&request, &session, &current, &next).await?
    {
        return Ok(response);
    }
    let layout = Layout::new(&request);
    let notice = Notice::in_query(&query, &layout);
    let shown = Form {
        status: StatusCode::OK,
        next,
        username: String::new(),
        is_remembered: false,
        alert: None,
        refusal: None,
        notice,
        is_registration_open: crate::web::config(&request).is_registration_open,
    };
    form(&shown, layout, &session)
}

/// What the sign-in form shows.
struct Form {
    status: StatusCode,
    next: ReturnTo,
    username: String,
    is_remembered: bool,
    alert: Option<Alert>,
    refusal: Option<FormRejection>,
    notice: Option<String>,
    is_registration_open: bool,
}

fn form(form: &Form, layout: Layout, session: &BrowserSession) -> Result<HttpResponse, AppError> {
    let page = LoginPage {
        layout: layout.leading_to(&form.next),
        csrf: form_post::csrf_token(session, form.refusal)?,
        next: form.next.field().to_owned(),
        username: form.username.clone(),
        is_remembered: form.is_remembered,
        alert: form.alert.clone(),
        notice: form.notice.clone(),
        is_registration_open: form.is_registration_open,
    };
    let mut response = html(form.status, &page)?;
    headers::allow_form_to_lead_to(&mut response, &form.next);
    Ok(response)
}

async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    auth: web::Data<AuthService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, refusal } = form_post::read(&request, payload, &session, true).await?;
    let next = ReturnTo::parse(parameters.get("next").unwrap_or_default(), crate::web::config(&request));
    // Cut, so that a name of 16 KiB is not sent back.
    let username: String = parameters.get("username").unwrap_or_default().chars().take(256).collect();
    let is_remembered = parameters.get("remember").is_some();
    let layout = Layout::new(&request);
    let words = layout.words;
    let again = |status, alert| Form {
        status,
        next: next.clone(),
        username: username.clone(),
        is_remembered,
        alert: Some(alert),
        refusal,
        notice: None,
        is_registration_open: crate::web::config(&request).is_registration_open,
    };
    let refused = || again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "alert-wrong-credentials"));
    if let Some(refusal) = refusal {
        return form(&again(refusal.status(), refusal.alert(words, &request)), layout, &session);
    }
    let (Some(typed_name), Some(typed_password)) =
        (parameters.get_non_empty("username"), parameters.get_non_empty("password"))
    else {
        return form(&again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "alert-missing")), layout, &session);
    };
    let (Some(username_key), Ok(password)) = (LookupName::parse(typed_name), Password::parse(typed_password)) else {
        return form(&refused(), layout, &session);
    };
    let origin = attempt_origin(&request, Some(words.language()));
    let purpose = SignInPurpose::Browser { is_remembered, previous: session.secret() };
    match auth.sign_in_detached(PasswordAttempt { username: username_key, password, origin }, purpose).await? {
        SignIn::Done(signed_in) => signed_in_response(&request, &session, &signed_in, next.address()),
        // A page wishes for no scope, so that none is refused.
        SignIn::Rejected | SignIn::ScopeRejected | SignIn::ClientGone => form(&refused(), layout, &session),
        SignIn::Disabled => {
            form(&again(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, "alert-disabled")), layout, &session)
        }
        SignIn::Throttled(wait) => waiting(
            &again(StatusCode::TOO_MANY_REQUESTS, Alert::with_wait(words, "alert-throttled", wait)),
            layout,
            &session,
            wait,
        ),
        SignIn::Overloaded => {
            let wait = Duration::from_secs(2);
            waiting(
                &again(StatusCode::SERVICE_UNAVAILABLE, Alert::with_wait(words, "alert-busy", wait)),
                layout,
                &session,
                wait,
            )
        }
    }
}

fn waiting(shown: &Form, layout: Layout, session: &BrowserSession, wait: Duration) -> Result<HttpResponse, AppError> {
    Ok(retry_after(form(shown, layout, session)?, wait))
}
