//! What resource servers read to check tokens by themselves: the public keys. What may not live here: private keys.

use actix_web::{HttpResponse, web};

use crate::credentials::Lock;

/// The public keys (RFC 7517 §5); an empty list with HS256.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "tokens",
    summary = "The public keys that check access tokens",
    responses((status = 200, description = "A JSON Web Key Set (RFC 7517)"))
)]
pub async fn jwks(lock: web::Data<Lock>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "public, max-age=300"))
        // Public by purpose: a page of any origin may check tokens.
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .json(lock.tokens.keys().public())
}
