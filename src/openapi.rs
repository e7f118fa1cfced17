//! The OpenAPI document and Swagger UI, both served from this binary.

use std::borrow::Cow;
use std::sync::LazyLock;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Route, web};
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

use crate::error::AppError;
use crate::web::compression::Precompressed;
use crate::web::{get, other_methods};
use crate::{forward_auth, oauth};

/// The Content-Security-Policy of Swagger UI, which sets inline styles and loads icons from `data:` URLs.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

#[derive(OpenApi)]
#[openapi(
    info(title = "Vestibule", description = "Sign in at `/login`, or exchange a username and password for a token at `/token`."),
    paths(
        oauth::token::post_token,
        oauth::revoke::post_revoke,
        oauth::introspect::post_introspect,
        oauth::me::get_me,
        oauth::revoked::get_revoked,
        oauth::metadata::get_jwks,
        oauth::metadata::get_server_metadata,
        forward_auth::routes::get_forward_auth,
        forward_auth::routes::get_auth_request,
    ),
    modifiers(&PasswordFlow)
)]
struct Document;

/// The security scheme of the Authorize button.
struct PasswordFlow;

impl Modify for PasswordFlow {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let flow = Flow::Password(Password::new("/token", Scopes::new()));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("password", SecurityScheme::OAuth2(OAuth2::new([flow])));
    }
}

/// Mounts `/openapi.json` and `/docs/`.
pub fn routes(services: &mut web::ServiceConfig) {
    let resource = |path, route: Route| web::resource(path).route(route).default_service(other_methods("GET, HEAD"));
    services
        .service(resource("/openapi.json", get().to(document)))
        .service(resource("/docs", get().to(redirect_to_docs)))
        .service(resource("/docs/{file:.*}", get().to(swagger_ui)));
}

static DOCUMENT: LazyLock<Precompressed> = LazyLock::new(|| {
    let json = Document::openapi().to_json().expect("an OpenAPI document serializes");
    Precompressed::new(json.into_bytes())
});

async fn document(request: HttpRequest) -> HttpResponse {
    DOCUMENT.response(&request, HttpResponse::Ok().content_type("application/json"))
}

async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header(("Location", "/docs/")).finish()
}

async fn swagger_ui(file: web::Path<String>) -> Result<HttpResponse, AppError> {
    let config = Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true);
    let asset = utoipa_swagger_ui::serve(&file, std::sync::Arc::new(config))
        .map_err(|error| AppError::internal(error.to_string()))?;
    let asset = asset.ok_or_else(AppError::not_found)?;
    let mut response = HttpResponse::Ok();
    // Every browser accepts gzip; the files are embedded only in that form.
    if asset.gzpipped {
        response.insert_header(("Content-Encoding", "gzip"));
    }
    Ok(response
        .content_type(asset.content_type)
        .insert_header(("Content-Security-Policy", DOCS_POLICY))
        .insert_header(("Cache-Control", "public, max-age=3600"))
        .body(match asset.bytes {
            // Not copied: the script has a megabyte.
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        }))
}
