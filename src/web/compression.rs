//! Answers in fewer bytes. Pages are packed as they are made, files once; programs' answers never, since a token must not stand in one
//! packed text with anything that a stranger chose (BREACH; docs/security.md says which answers are packed, and why).
//! What may not live here: what an answer says.

use std::cell::RefCell;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flate2::{Compress, Compression, FlushCompress, Status};

/// What is smaller goes out in one packet either way.
const LEAST_BYTES: usize = 1_000;
/// How far back repeats are looked for: 2 to this power, in bytes. Pages are hardly larger, and each worker keeps a packer.
const WINDOW_BITS: u8 = 13;

thread_local! {
    /// Made once for each worker: making one costs more than packing a page.
    static PACKER: RefCell<Compress> = RefCell::new(Compress::new_gzip(Compression::new(6), WINDOW_BITS));
}

/// A text that is the same for everybody, packed once.
pub struct Packed {
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Packed {
    /// Packs a text, when that makes it smaller.
    #[must_use]
    pub fn new(plain: Vec<u8>) -> Self {
        let gzip = pack(&plain).filter(|packed| packed.len() < plain.len());
        Self { plain: plain.into(), gzip }
    }

    /// Puts the form that the client takes into an answer.
    #[must_use]
    pub fn answer(&self, request: &HttpRequest, response: &mut HttpResponseBuilder) -> HttpResponse {
        response.insert_header(("Vary", "Accept-Encoding"));
        match &self.gzip {
            Some(gzip) if takes_gzip(request) => response.insert_header((CONTENT_ENCODING, "gzip")).body(gzip.clone()),
            _ => response.body(self.plain.clone()),
        }
    }
}

/// A page, packed when the client takes that. Pages say `Vary: Accept-Encoding` themselves.
#[must_use]
pub fn page(request: &HttpRequest, response: HttpResponse) -> HttpResponse {
    let is_page = |response: &HttpResponse| {
        response.headers().get(CONTENT_TYPE).is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
    };
    if !takes_gzip(request) || !is_page(&response) {
        return response;
    }
    response.map_body(|head, body| match body.try_into_bytes() {
        Ok(plain) if plain.len() >= LEAST_BYTES => match pack(&plain) {
            Some(packed) => {
                head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                BoxBody::new(packed)
            }
            None => BoxBody::new(plain),
        },
        Ok(plain) => BoxBody::new(plain),
        Err(body) => body,
    })
}

/// Whether the client takes gzip (RFC 9110 §12.5.3): named, or meant by `*`, and not with a weight of nothing.
fn takes_gzip(request: &HttpRequest) -> bool {
    super::header(request, "accept-encoding").is_some_and(accepts_gzip)
}

fn accepts_gzip(header: &str) -> bool {
    let weight_of = |wanted: &str| {
        header.split(',').find_map(|part| {
            let (coding, parameters) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            coding.trim().eq_ignore_ascii_case(wanted).then_some(weight.unwrap_or(0.0))
        })
    };
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

/// `None` when the packed text would not fit into as many bytes as the plain one, and a frame.
fn pack(plain: &[u8]) -> Option<Bytes> {
    PACKER.with_borrow_mut(|packer| {
        packer.reset();
        let mut packed = Vec::with_capacity(plain.len() + 64);
        let status = packer.compress_vec(plain, &mut packed, FlushCompress::Finish);
        (status.ok()? == Status::StreamEnd).then(|| packed.into())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_the_client_takes_is_read_from_its_header() {
        for (header, is_taken) in [
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
            assert_eq!(accepts_gzip(header), is_taken, "{header}");
        }
    }

    #[test]
    fn what_is_packed_unpacks_one_after_the_other() {
        for length in [0, 1, 1_000, 30_000, 0] {
            let plain: Vec<u8> = (0..length).map(|at: usize| b"abc <p>"[at * at % 7]).collect();
            let packed = pack(&plain).expect("fits");
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).expect("gzip");
            assert_eq!(unpacked, plain);
        }
    }
}
