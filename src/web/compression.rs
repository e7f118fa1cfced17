//! Gzip compression of pages and static files.

use std::cell::RefCell;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flate2::{Compress, Compression, FlushCompress, Status};

/// A smaller body fits into one packet without compression.
const MIN_BYTES: usize = 1_000;
/// Base-2 logarithm of the window size in bytes. Pages are hardly larger, and each worker keeps one window.
const WINDOW_BITS: u8 = 13;

thread_local! {
    /// One for each worker: creating it costs more than compressing a page.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new_gzip(Compression::new(6), WINDOW_BITS));
}

/// A body that is the same for every request, compressed once.
pub struct Precompressed {
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Precompressed {
    /// Compresses a body, if that makes it smaller.
    #[must_use]
    pub fn new(plain: Vec<u8>) -> Self {
        let gzip = gzip(&plain).filter(|gzip| gzip.len() < plain.len());
        Self { plain: plain.into(), gzip }
    }

    /// Builds the response in the encoding that the client accepts.
    #[must_use]
    pub fn response(&self, request: &HttpRequest, response: &mut HttpResponseBuilder) -> HttpResponse {
        response.insert_header(("Vary", "Accept-Encoding"));
        match &self.gzip {
            Some(gzip) if accepts_gzip(request) => {
                response.insert_header((CONTENT_ENCODING, "gzip")).body(gzip.clone())
            }
            _ => response.body(self.plain.clone()),
        }
    }
}

/// Compresses a page if the client accepts it; pages set `Vary: Accept-Encoding` themselves. A response with a token is
/// never compressed: an attacker who chooses a part of it could infer the token from the length (BREACH; see
/// docs/security.md).
#[must_use]
pub fn compress_page(request: &HttpRequest, response: HttpResponse) -> HttpResponse {
    let is_page = |response: &HttpResponse| {
        response.headers().get(CONTENT_TYPE).is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
    };
    if !accepts_gzip(request) || !is_page(&response) || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    response.map_body(|head, body| match body.try_into_bytes() {
        Ok(plain) if plain.len() >= MIN_BYTES => match gzip(&plain) {
            Some(gzip) => {
                head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                BoxBody::new(gzip)
            }
            None => BoxBody::new(plain),
        },
        Ok(plain) => BoxBody::new(plain),
        Err(body) => body,
    })
}

/// Whether the client accepts gzip (RFC 9110 §12.5.3): by name or by `*`, with a weight above 0.
fn accepts_gzip(request: &HttpRequest) -> bool {
    super::header(request, "accept-encoding").is_some_and(is_gzip_accepted)
}

fn is_gzip_accepted(header: &str) -> bool {
    let weight_of = |name: &str| {
        header.split(',').find_map(|part| {
            let (coding, parameters) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            coding.trim().eq_ignore_ascii_case(name).then_some(weight.unwrap_or(0.0))
        })
    };
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

/// Compresses; `None` when the result would be more than 64 bytes longer than the input.
fn gzip(plain: &[u8]) -> Option<Bytes> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let mut compressed = Vec::with_capacity(plain.len() + 64);
        let status = compressor.compress_vec(plain, &mut compressed, FlushCompress::Finish);
        (status.ok()? == Status::StreamEnd).then(|| compressed.into())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn gzip_is_used_only_if_accept_encoding_allows_it() {
        for (header, is_accepted) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("br, *;q=0.1", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0.000", false),
            ("*;q=0", false),
            ("identity", false),
            ("br", false),
            ("gzip;q=NaN", false),
            ("gzip;level=9", false),
            ("x-gzip", false),
            (";;q=,", false),
            ("", false),
        ] {
            assert_eq!(is_gzip_accepted(header), is_accepted, "{header}");
        }
    }

    #[test]
    fn consecutive_bodies_decompress_to_the_original() {
        for length in [0, 1, 1_000, 30_000, 0] {
            let plain: Vec<u8> = (0..length).map(|at: usize| b"abc <p>"[at * at % 7]).collect();
            let compressed = gzip(&plain).expect("fits");
            let mut decompressed = Vec::new();
            flate2::read::GzDecoder::new(&*compressed).read_to_end(&mut decompressed).expect("gzip");
            assert_eq!(decompressed, plain);
        }
    }
}
