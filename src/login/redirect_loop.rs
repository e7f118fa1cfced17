//! Somebody who is signed in already and was sent here: back to where they came from, with what the browser lacked, unless an
//! application keeps sending them here. What may not live here: signing in (`routes.rs`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::pages::RedirectLoopPage;
use crate::error::AppError;
use crate::secret::{base64url, constant_time_eq, sha256};
use crate::web::current_user::CurrentUser;
use crate::web::pages::{Layout, html, see_other};
use crate::web::return_to::ReturnTo;
use crate::web::session::BrowserSession;
use crate::web::{cookies, renewal};

/// Times that a browser is sent straight back to one address within seconds of the time before: browsers give up after some twenty
/// redirects with a page that explains nothing, and each turn here takes two or more.
const MAX_RETURNS: u32 = 4;

/// Sends the person on, or explains why that leads nowhere. `None` when the session ended meanwhile.
///
/// # Errors
/// When the database gives no answer.
pub async fn redirect_signed_in(
    request: &HttpRequest,
    browser: &BrowserSession,
    current: &CurrentUser,
    next: &ReturnTo,
) -> Result<Option<HttpResponse>, AppError> {
    let Some(renewed) = renewal::renew(request, browser, current).await? else { return Ok(None) };
    let config = crate::web::config(request);
    // The account page is ours and sends nobody here who is signed in.
    let returns = if next.address() == "/" { 0 } else { count(request, next) + 1 };
    let mut response = if returns > MAX_RETURNS { explain(request, next)? } else { see_other(next.address()) };
    if returns > MAX_RETURNS {
        // The link on the page begins anew.
        cookies::remove(&mut response, config, cookies::Name::Returns)?;
    } else if returns > 0 {
        cookies::set_returns(&mut response, config, format!("{returns}.{}", mark(next)))?;
    }
    renewed.put_on(&mut response, config)?;
    Ok(Some(response))
}

/// How often this browser was sent to this address within the last seconds.
fn count(request: &HttpRequest, next: &ReturnTo) -> u32 {
    let held = cookies::find(request, cookies::Name::Returns).unwrap_or_default();
    let Some((count, held_mark)) = held.split_once('.') else { return 0 };
    if constant_time_eq(held_mark.as_bytes(), mark(next).as_bytes()) {
        count.parse().unwrap_or(0).min(MAX_RETURNS)
    } else {
        0
    }
}

/// Names the address but for its query, in which an application may put something new at each turn.
fn mark(next: &ReturnTo) -> String {
    let address = next.address().split(['?', '#']).next().unwrap_or_default();
    base64url(&sha256(address.as_bytes())[..12])
}

fn explain(request: &HttpRequest, next: &ReturnTo) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request).leading_to(next);
    let place = next.origin().unwrap_or_else(|| crate::web::config(request).public_url.to_string());
    let page = RedirectLoopPage {
        lead: layout.words.format("redirect-loop-lead", &[("application", place.into())]),
        next: next.address().to_owned(),
        layout,
    };
    html(StatusCode::CONFLICT, &page)
}
