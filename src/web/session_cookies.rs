//! The contents of session cookies that were decrypted before. Browsers send the same cookie with each request, and
//! decrypting it was a quarter of the work of the sign-in page.

use std::sync::Arc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::middleware::Next;
use quick_cache::sync::Cache;

use super::session::{BrowserSession, CookieContents};
use crate::secret::sha256;

/// The most cookies whose contents are kept, some 200 bytes each.
const MAX_COOKIES: usize = 4_096;

/// Contents by the SHA-256 of the encrypted cookie. Clones share them.
#[derive(Clone)]
pub struct SessionCookies(Arc<Cache<[u8; 32], CookieContents>>);

impl Default for SessionCookies {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MAX_COOKIES)))
    }
}

impl SessionCookies {
    /// The contents of a `Cookie` header that has only the session cookie, if they are known.
    #[must_use]
    pub fn find(&self, header: &HeaderValue) -> Option<CookieContents> {
        self.0.get(&sha256(header.as_bytes()))
    }
}

/// Middleware inside of [`session::middleware`](super::session::middleware): keeps the contents of the cookie that it has
/// decrypted, unless the response changes it. The next request that only opens a page reaches it without the cookie, and
/// [`BrowserSession`] has the contents: `request_cookies` sees to that.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let digest = request.headers().get(COOKIE).map(|header| sha256(header.as_bytes()));
    let response = next.call(request).await?;
    if let Some(digest) = digest
        && let Some(contents) = BrowserSession::of(response.request()).unchanged_contents()
    {
        super::config(response.request()).session_cookies.0.insert(digest, contents);
    }
    Ok(response)
}
