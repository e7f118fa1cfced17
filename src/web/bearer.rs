//! Extractor of the access token in the `Authorization` header (RFC 6750 §2.1) or the token cookie.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::cookies::CookieName;
use super::{request_cookies, service, visible_ascii};
use crate::error::AppError;
use crate::tokens::{TokenService, VerifiedToken};

/// The request's verified access token.
pub struct Bearer(pub Arc<VerifiedToken>);

impl FromRequest for Bearer {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let tokens: &web::Data<TokenService> = service(&request);
            let verified = match request.headers().get("authorization") {
                Some(_) => tokens.verify(find(&request).ok_or_else(AppError::bearer_missing)?).await?,
                None => verify_cookie(&request, tokens).await?,
            };
            Ok(Self(verified))
        })
    }
}

/// Verifies the token cookie. Of several values, those of one user are interchangeable; if they are of different users,
/// any of them may be an attacker's.
async fn verify_cookie(request: &HttpRequest, tokens: &TokenService) -> Result<Arc<VerifiedToken>, AppError> {
    let (mut found, mut error): (Option<Arc<VerifiedToken>>, _) = (None, AppError::bearer_missing());
    for token in request_cookies::candidates(request, CookieName::Token) {
        match (tokens.verify(&token).await, &found) {
            (Ok(verified), None) => found = Some(verified),
            (Ok(verified), Some(first)) if verified.claims.id == first.claims.id => {}
            (Ok(_), Some(_)) => {
                request_cookies::reject(request, CookieName::Token);
                return Err(AppError::bearer_missing());
            }
            (Err(error), _) if error.is_unavailable() => return Err(error.into()),
            (Err(rejection), _) => error = rejection.into(),
        }
    }
    if found.is_none() {
        request_cookies::reject(request, CookieName::Token);
    }
    found.ok_or(error)
}

/// The unverified token in the `Authorization` header.
#[must_use]
pub fn find(request: &HttpRequest) -> Option<&str> {
    visible_ascii(request.headers().get("authorization")?).and_then(bearer_token)
}

/// The token after the scheme `Bearer`, which is case-insensitive (RFC 9110 §11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' ')).filter(|token| !token.is_empty())
}
