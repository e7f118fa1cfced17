//! How a one-time link is answered: its secret goes out of the address and into a short-lived sealed cookie, and only a form post uses
//! it up, so that a scanner that fetches links does no harm. What may not live here: what a link lets its holder do.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::cookies;
use super::error_page::ErrorPage;
use super::form::Parameters;
use super::pages::{Layout, html, see_other};
use crate::accounts::AccountService;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::secret::PlainSecret;
use crate::users::User;

/// The answer to an address that holds a link's secret: the bare `path`, with the secret in the cookie. `None` when it holds none.
///
/// # Errors
/// Never: the cookie is short.
pub fn take(request: &HttpRequest, path: &str) -> Result<Option<HttpResponse>, AppError> {
    let query = Parameters::from_query(request.query_string());
    let Some(text) = query.get("link") else { return Ok(None) };
    let mut response = see_other(path);
    match PlainSecret::parse(text) {
        Some(secret) => cookies::set_link(&mut response, super::config(request), &secret)?,
        // A link that was cut short must not open the form of the one before it.
        None => cookies::remove(&mut response, super::config(request), cookies::Name::Link)?,
    }
    Ok(Some(response))
}

/// The link in this browser's cookie while it can be used and is for one of these purposes, with the account it is for, which can sign in.
///
/// # Errors
/// When the database gives no answer.
pub async fn find(
    request: &HttpRequest,
    accounts: &AccountService,
    purposes: &'static [LinkPurpose],
) -> Result<Option<(Link, Option<User>)>, AppError> {
    let Some(secret) = cookies::find_link(request) else { return Ok(None) };
    Ok(accounts.find_link(secret, purposes).await?)
}

/// The answer after the link was used up: its cookie goes.
///
/// # Errors
/// Never: the cookie is short.
pub fn answered(request: &HttpRequest, path: &str) -> Result<HttpResponse, AppError> {
    let mut response = see_other(path);
    cookies::remove(&mut response, super::config(request), cookies::Name::Link)?;
    Ok(response)
}

/// The page for a link that can no longer be used, with the way to a fresh one. A browser that brings no cookie of a link is told that it
/// may be for want of that.
///
/// # Errors
/// 500 when it cannot be rendered, which its types rule out.
pub fn expired_link_page(
    request: &HttpRequest,
    text: &str,
    link_href: &'static str,
    link_text: &str,
) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request);
    let words = layout.words;
    let mut text = words.get(text).to_owned();
    if cookies::find(request, cookies::Name::Link).is_none() {
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
