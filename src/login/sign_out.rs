//! `/logout`: the sign-out page.

use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::LogoutPage;
use crate::error::AppError;
use crate::sessions::{EndReason, SessionService};
use crate::users::UserId;
use crate::web::cookies::{self, CookieName};
use crate::web::current_user::MaybeUser;
use crate::web::form::Parameters;
use crate::web::form_post::{self, FormPost, FormRejection, FormState};
use crate::web::headers;
use crate::web::notice::Notice;
use crate::web::pages::{Layout, html, see_other};
use crate::web::return_to::ReturnTo;
use crate::web::session::BrowserSession;

/// Asks whether to sign out. A GET never signs out, because any site can link here.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
) -> Result<HttpResponse, AppError> {
    let next = next_after_sign_out(&request, &Parameters::default());
    match user {
        Some(_) => form(Layout::new(&request), &session, &next, FormState::default()),
        None => Ok(see_other(if next.field().is_empty() { "/login" } else { next.address() })),
    }
}

/// Where the user goes after signing out: the field of the form or, in the link of an application, the query.
fn next_after_sign_out(request: &HttpRequest, fields: &Parameters) -> ReturnTo {
    let query = Parameters::from_query(request.query_string());
    ReturnTo::parse(fields.get("next").or(query.get("next")).unwrap_or_default(), crate::web::config(request))
}

fn form(layout: Layout, session: &BrowserSession, next: &ReturnTo, state: FormState) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, state.rejection);
    let page = LogoutPage { layout, csrf, next: next.field().to_owned(), alert: state.alert };
    let mut response = html(state.status, &page)?;
    headers::allow_form_redirect(&mut response, next);
    Ok(response)
}

/// Ends the session of this browser, or asks again when the form is stale or from another site.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
    sessions: web::Data<SessionService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, rejection } = form_post::read(&request, payload, &session, true).await?;
    let next = next_after_sign_out(&request, &parameters);
    let asks_again = user.is_some() || rejection == Some(FormRejection::CrossSite);
    if let Some(rejection) = rejection.filter(|_| asks_again) {
        let layout = Layout::new(&request);
        let mut state = FormState::rejected(rejection, layout.words, &request);
        if let (FormRejection::Stale, Some(alert)) = (rejection, &mut state.alert) {
            layout.word("alert-stale-sign-out-text").clone_into(&mut alert.text);
        }
        return form(layout, &session, &next, state);
    }
    if let Some(user) = &user {
        sessions.end(user.session.id.clone(), EndReason::SignedOut).await?;
    }
    Ok(signed_out_response(&request, &session, &next, user.map(|current| current.user.id)))
}

fn signed_out_response(
    request: &HttpRequest,
    session: &BrowserSession,
    next: &ReturnTo,
    user_id: Option<UserId>,
) -> HttpResponse {
    // Without a session cookie there is nothing to renew, and a new one could replace one that the browser withheld.
    if session.csrf_seed().is_some() {
        session.sign_out(user_id);
    }
    let mut response = match next.field() {
        "" => see_other(&format!("/login?notice={}", Notice::SignedOut.code())),
        address => see_other(address),
    };
    for name in [CookieName::Token, CookieName::Proxy] {
        cookies::remove_all_variants(request, &mut response, name);
    }
    response
}
