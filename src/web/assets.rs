//! The files of `static/`, under names that hold their hash: a browser keeps them for a year and asks never again.
//! What may not live here: pages.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};

use super::compression::Packed;
use super::get;
use crate::error::AppError;
use crate::secret::{base64url, sha256};

#[derive(rust_embed::RustEmbed)]
#[folder = "static"]
struct StaticFiles;

struct Asset {
    href: String,
    media_type: &'static str,
    content: Packed,
}

static ASSETS: LazyLock<HashMap<String, Asset>> =
    LazyLock::new(|| StaticFiles::iter().filter_map(|file| Some((file.to_string(), load(&file)?))).collect());

/// The address of a file of `static/`.
///
/// # Panics
/// When there is no such file, which a test of every page would show.
#[must_use]
pub fn href(file: &str) -> &'static str {
    &ASSETS.get(file).expect("pages name files that are embedded").href
}

/// Mounts `/static/…`.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(web::resource("/static/{file}").route(get().to(serve)));
    // Browsers ask for it by themselves, wherever they are.
    services.service(web::resource("/favicon.ico").route(get().to(|| async { HttpResponse::NoContent().finish() })));
}

async fn serve(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, AppError> {
    let asset = ASSETS
        .values()
        .find(|asset| asset.href.strip_prefix("/static/") == Some(file.as_str()))
        .ok_or_else(AppError::not_found)?;
    let mut response = HttpResponse::Ok();
    response.content_type(asset.media_type).insert_header(("Cache-Control", "public, max-age=31536000, immutable"));
    Ok(asset.content.answer(&request, &mut response))
}

fn load(file: &str) -> Option<Asset> {
    let (stem, ending) = file.rsplit_once('.')?;
    let media_type = match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let bytes = StaticFiles::get(file)?.data.into_owned();
    let hash = base64url(&sha256(&bytes)[..9]);
    Some(Asset { href: format!("/static/{stem}.{hash}.{ending}"), media_type, content: Packed::new(bytes) })
}
