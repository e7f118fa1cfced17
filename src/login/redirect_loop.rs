//! The redirect of a signed-in user away from the sign-in page, and the page that explains a redirect loop.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::pages::RedirectLoopPage;
use crate::error::AppError;
use crate::secret::{base64url, constant_time_eq, sha256};
use crate::web::cookies::{self, CookieName};
use crate::web::current_user::CurrentUser;
use crate::web::pages::{Layout, html, see_other};
use crate::web::renewal;
use crate::web::return_to::ReturnTo;
use crate::web::session::BrowserSession;

/// Limit of redirects to one address within seconds of each other. Browsers stop after about twenty redirects with an
/// error that explains nothing, and each round of the loop takes two or more.
const MAX_REDIRECTS: u32 = 4;

/// Redirects to `next` with the cookies that the browser lacks, or explains the redirect loop. `None` when the session
/// ended in the meantime.
pub async fn redirect_signed_in(
    request: &HttpRequest,
    browser: &BrowserSession,
    current: &CurrentUser,
    next: &ReturnTo,
) -> Result<Option<HttpResponse>, AppError> {
    let Some(renewed) = renewal::renew(request, browser, current).await? else { return Ok(None) };
    let config = crate::web::config(request);
    // The account page does not redirect signed-in users, so it cannot be part of a loop.
    let redirect_count = if next.address() == "/" { 0 } else { find_redirect_count(request, next) + 1 };
    let mut response = if redirect_count > MAX_REDIRECTS { explain(request, next)? } else { see_other(next.address()) };
    if redirect_count > MAX_REDIRECTS {
        // The link on the page starts a new count.
        cookies::remove(&mut response, config, CookieName::RedirectCount);
    } else if redirect_count > 0 {
        cookies::set_redirect_count(&mut response, config, format!("{redirect_count}.{}", mark(next)));
    }
    renewed.put_on(&mut response, config);
    Ok(Some(response))
}

/// The number of times that this browser was redirected to this address in the last few seconds.
fn find_redirect_count(request: &HttpRequest, next: &ReturnTo) -> u32 {
    let held = cookies::find(request, CookieName::RedirectCount).unwrap_or_default();
    let Some((count, held_mark)) = held.split_once('.') else { return 0 };
    if constant_time_eq(held_mark.as_bytes(), mark(next).as_bytes()) {
        count.parse().unwrap_or(0).min(MAX_REDIRECTS)
    } else {
        0
    }
}

/// Identifies an address by a hash, without its query: an application may send a new one each time.
fn mark(next: &ReturnTo) -> String {
    let address = next.address().split(['?', '#']).next().unwrap_or_default();
    base64url(&sha256(address.as_bytes())[..12])
}

fn explain(request: &HttpRequest, next: &ReturnTo) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request).with_next(next);
    let application = next.origin().unwrap_or_else(|| crate::web::config(request).public_url.to_string());
    let page = RedirectLoopPage {
        lead: layout.words.format("redirect-loop-lead", &[("application", application.into())]),
        next: next.address().to_owned(),
        layout,
    };
    html(StatusCode::CONFLICT, &page)
}
