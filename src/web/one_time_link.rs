//! Handling of one-time links: the secret moves from the URL to an encrypted cookie, and a form post uses the link.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::cookies::{self, CookieName};
use super::error_page::ErrorPage;
use super::form::Parameters;
use super::pages::{Layout, html, see_other};
use crate::accounts::AccountService;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::secret::PlainSecret;
use crate::users::User;

/// The longest secret of a link. That of a registration link contains the email address.
const MAX_LINK_BYTES: usize = 512;

/// Moves a link's secret from the URL to the cookie and redirects to the bare `path`; `None` when the URL has no
/// secret. Opening the link does not use it, so a mail scanner that fetches links does no harm.
#[must_use]
pub fn move_to_cookie(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    let query = Parameters::from_query(request.query_string());
    let text = query.get("link")?;
    let mut response = see_other(path);
    if is_link(text) {
        cookies::set_link(&mut response, super::config(request), text);
    } else {
        // A malformed link must not open the form of the previous one.
        cookies::remove(&mut response, super::config(request), CookieName::Link);
    }
    Some(response)
}

/// Whether a text may be a link's secret: base64url that fits into the cookie.
fn is_link(text: &str) -> bool {
    (1..=MAX_LINK_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The valid link in this browser's cookie, if it has one of these purposes, and the enabled account that it is for.
pub async fn find(
    request: &HttpRequest,
    accounts: &AccountService,
    purposes: &'static [LinkPurpose],
) -> Result<Option<(Link, Option<User>)>, AppError> {
    let Some(secret) = cookies::find_link(request).and_then(|text| PlainSecret::parse(&text)) else { return Ok(None) };
    Ok(accounts.find_link(secret, purposes).await?)
}

/// Redirects after the link was used, and removes its cookie.
#[must_use]
pub fn redirect_after_use(request: &HttpRequest, path: &str) -> HttpResponse {
    let mut response = see_other(path);
    cookies::remove(&mut response, super::config(request), CookieName::Link);
    response
}

/// The page for a link that is no longer valid, with a way to get a new one. If the browser sent no cookie, it names
/// that as a possible cause.
pub fn expired_link_page(
    request: &HttpRequest,
    text: &str,
    link_href: &'static str,
    link_text: &str,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request);
    let words = layout.words;
    let mut text = words.get(text).to_owned();
    if cookies::find(request, CookieName::Link).is_none() {
        text = format!("{text} {}", words.get("link-without-cookie"));
    }
    let page = ErrorPage {
        title: words.get("link-invalid-title").to_owned(),
        text,
        request_id: None,
        link_href,
        link_text: words.get(link_text).to_owned(),
        layout,
    };
    html(StatusCode::GONE, &page)
}
