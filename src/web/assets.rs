//! Static files under names that contain their hash, so browsers can cache them for a year.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};

use super::compression::Precompressed;
use super::get;
use crate::error::AppError;
use crate::secret::{base64url, sha256};

/// Policy of an image that is opened by itself: an SVG logo from an untrusted source must not run scripts or load
/// anything.
const IMAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox";
const STYLE: &str = "style.css";

#[derive(rust_embed::RustEmbed)]
#[folder = "static"]
struct StaticFiles;

/// A file under a name that contains its hash.
pub struct Asset {
    /// Its address.
    pub href: String,
    media_type: &'static str,
    content: Precompressed,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let load = |file: &str| Some((file.to_owned(), build(file, StaticFiles::get(file)?.data.into_owned())?));
    StaticFiles::iter().filter_map(|file| load(&file)).collect()
});

static STYLESHEET: LazyLock<&str> = LazyLock::new(|| href(STYLE));

/// The address of a file in `static/`.
#[must_use]
pub fn href(file: &str) -> &'static str {
    &ASSETS.get(file).expect("pages name embedded files").href
}

/// The address of the stylesheet.
#[must_use]
pub fn stylesheet() -> &'static str {
    *STYLESHEET
}

/// The stylesheet with additional rules at its end.
pub(super) fn stylesheet_with(rules: &str) -> Asset {
    let file = StaticFiles::get(STYLE).expect("the stylesheet is embedded");
    build(STYLE, [&file.data, rules.as_bytes()].concat()).expect("CSS has a media type")
}

/// Builds the asset of a file; `None` when its extension is unknown.
pub(super) fn build(file: &str, bytes: Vec<u8>) -> Option<Asset> {
    let (stem, extension) = file.rsplit_once('.')?;
    let media_type = match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    };
    let hash = base64url(&sha256(&bytes)[..9]);
    Some(Asset { href: format!("/static/{stem}.{hash}.{extension}"), media_type, content: Precompressed::new(bytes) })
}

/// Mounts `/static/…`.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(web::resource("/static/{file}").route(get().to(serve)));
    // Browsers request it on their own.
    services.service(web::resource("/favicon.ico").route(get().to(|| async { HttpResponse::NoContent().finish() })));
}

async fn serve(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let href = request.path();
    let brand_asset = super::config(&request).brand.find(href);
    let asset =
        brand_asset.or_else(|| ASSETS.values().find(|asset| asset.href == href)).ok_or_else(AppError::not_found)?;
    let mut response = HttpResponse::Ok();
    response.content_type(asset.media_type).insert_header(("Cache-Control", "public, max-age=31536000, immutable"));
    if asset.media_type.starts_with("image/") {
        response.insert_header(("Content-Security-Policy", IMAGE_POLICY));
    }
    Ok(asset.content.response(&request, &mut response))
}
