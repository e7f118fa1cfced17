//! Who asks by access token: in the `Authorization` header (RFC 6750 §2.1), or in the browser's token cookie.
//! What may not live here: checking it (`tokens::access`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::{cookies, service};
use crate::error::AppError;
use crate::tokens::{TokenService, VerifiedToken};

/// An access token that was checked for this request.
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
                None => {
                    let token = cookies::find(&request, cookies::Name::Token).ok_or_else(AppError::bearer_missing)?;
                    tokens.verify(&token).await?
                }
            };
            Ok(Self(verified))
        })
    }
}

/// The token in a request's `Authorization` header, unchecked.
#[must_use]
pub fn find(request: &HttpRequest) -> Option<&str> {
    request.headers().get("authorization")?.to_str().ok().and_then(bearer_token)
}

/// What stands behind `Bearer`, which is written in any case (RFC 9110 §11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' ')).filter(|token| !token.is_empty())
}
