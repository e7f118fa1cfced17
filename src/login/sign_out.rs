//! `/logout`: signing out, and the question before it. What may not live here: signing in (`routes.rs`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::LogoutPage;
use crate::error::AppError;
use crate::sessions::{EndReason, SessionService};
use crate::users::UserId;
use crate::web::current_user::MaybeUser;
use crate::web::form::Parameters;
use crate::web::form_post::{self, FormPost, FormRejection};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, Layout, html, see_other};
use crate::web::return_to::ReturnTo;
use crate::web::session::BrowserSession;
use crate::web::{cookies, headers};

/// What an application links to: GET signs nobody out, the form on the page does.
///
/// # Errors
/// When the database gives no answer.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
) -> Result<HttpResponse, AppError> {
    let next = next_after_sign_out(&request, &Parameters::default());
    match user {
        Some(_) => sign_out_question(Layout::new(&request), &session, &next, None),
        None => Ok(see_other(if next.field().is_empty() { "/login" } else { next.address() })),
    }
}

/// Where an application wants its people back: in the query of its link or form, then in a field of ours.
fn next_after_sign_out(request: &HttpRequest, fields: &Parameters) -> ReturnTo {
    let query = Parameters::from_query(request.query_string());
    ReturnTo::parse(fields.get("next").or(query.get("next")).unwrap_or_default(), crate::web::config(request))
}

fn sign_out_question(
    layout: Layout,
    session: &BrowserSession,
    next: &ReturnTo,
    refused: Option<(FormRejection, Alert)>,
) -> Result<HttpResponse, AppError> {
    let (refusal, alert) = refused.unzip();
    let csrf = form_post::csrf_token(session, refusal)?;
    let page = LogoutPage { layout, csrf, next: next.field().to_owned(), alert };
    let mut response = html(refusal.map_or(StatusCode::OK, FormRejection::status), &page)?;
    headers::allow_form_to_lead_to(&mut response, next);
    Ok(response)
}

/// Ends the session of this browser, or asks first when the form was stale or another site's.
///
/// # Errors
/// When the database gives no answer.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
    sessions: web::Data<SessionService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { parameters, refusal } = form_post::read(&request, payload, &session, true).await?;
    let next = next_after_sign_out(&request, &parameters);
    let asks_again = user.is_some() || refusal == Some(FormRejection::CrossSite);
    if let Some(refusal) = refusal.filter(|_| asks_again) {
        let layout = Layout::new(&request);
        let mut alert = refusal.alert(layout.words, &request);
        if refusal == FormRejection::Stale {
            layout.word("alert-stale-sign-out-text").clone_into(&mut alert.text);
        }
        return sign_out_question(layout, &session, &next, Some((refusal, alert)));
    }
    if let Some(user) = &user {
        sessions.end(user.session.id.clone(), EndReason::SignedOut).await?;
    }
    signed_out(&request, &session, &next, user.map(|current| current.user.id))
}

fn signed_out(
    request: &HttpRequest,
    session: &BrowserSession,
    next: &ReturnTo,
    user_id: Option<UserId>,
) -> Result<HttpResponse, AppError> {
    // Without a cookie there is nothing to renew, and what is set could take the place of one that the browser kept back.
    if session.csrf_seed().is_some() {
        session.sign_out(user_id)?;
    }
    let mut response = match next.field() {
        "" => see_other(&format!("/login?notice={}", Notice::SignedOut.code())),
        address => see_other(address),
    };
    for name in [cookies::Name::Token, cookies::Name::Proxy] {
        cookies::remove_all_forms(request, &mut response, name)?;
    }
    Ok(response)
}
