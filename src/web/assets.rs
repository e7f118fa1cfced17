//! The files of `static/`, and those of the brand, under names that hold their hash: a browser keeps them for a year and asks never again.
//! What may not live here: pages.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};

use super::compression::Packed;
use super::get;
use crate::error::AppError;
use crate::secret::{base64url, sha256};

/// For whoever opens a picture by itself: none may run a script or load anything, also one that an admin found somewhere.
const PICTURE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox";
const STYLE: &str = "style.css";

#[derive(rust_embed::RustEmbed)]
#[folder = "static"]
struct StaticFiles;

/// A file under a name that changes with it.
pub struct Asset {
    /// Its address.
    pub href: String,
    media_type: &'static str,
    content: Packed,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let load = |file: &str| Some((file.to_owned(), make(file, StaticFiles::get(file)?.data.into_owned())?));
    StaticFiles::iter().filter_map(|file| load(&file)).collect()
});

static STYLESHEET: LazyLock<&str> = LazyLock::new(|| href(STYLE));

/// The address of a file of `static/`.
///
/// # Panics
/// When there is no such file, which a test of every page would show.
#[must_use]
pub fn href(file: &str) -> &'static str {
    &ASSETS.get(file).expect("pages name files that are embedded").href
}

/// The address of the stylesheet.
#[must_use]
pub fn stylesheet() -> &'static str {
    *STYLESHEET
}

/// The stylesheet with further rules at its end.
pub(super) fn style_with(rules: &str) -> Asset {
    let file = StaticFiles::get(STYLE).expect("it is embedded");
    make(STYLE, [&file.data, rules.as_bytes()].concat()).expect("its ending is known")
}

/// A file under its hash. `None` when nothing is known of files with its ending.
pub(super) fn make(file: &str, bytes: Vec<u8>) -> Option<Asset> {
    let (stem, ending) = file.rsplit_once('.')?;
    let media_type = match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    };
    let hash = base64url(&sha256(&bytes)[..9]);
    Some(Asset { href: format!("/static/{stem}.{hash}.{ending}"), media_type, content: Packed::new(bytes) })
}

/// Mounts `/static/…`.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(web::resource("/static/{file}").route(get().to(serve)));
    // Browsers ask for it by themselves, wherever they are.
    services.service(web::resource("/favicon.ico").route(get().to(|| async { HttpResponse::NoContent().finish() })));
}

async fn serve(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let href = request.path();
    let of_brand = super::config(&request).brand.find(href);
    let asset =
        of_brand.or_else(|| ASSETS.values().find(|asset| asset.href == href)).ok_or_else(AppError::not_found)?;
    let mut response = HttpResponse::Ok();
    response.content_type(asset.media_type).insert_header(("Cache-Control", "public, max-age=31536000, immutable"));
    if asset.media_type.starts_with("image/") {
        response.insert_header(("Content-Security-Policy", PICTURE_POLICY));
    }
    Ok(asset.content.answer(&request, &mut response))
}
