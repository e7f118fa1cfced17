//! The fuzz targets for request headers other than `Cookie` and for request bodies.

use std::collections::HashMap;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use actix_web::{FromRequest as _, HttpRequest, web};
use serde_json::Value;
use vestibule::audit::RejectedSignIns;
use vestibule::i18n;
use vestibule::oauth::client_auth;
use vestibule::secret::base64url;
use vestibule::web::bearer::Bearer;
use vestibule::web::client_ip::{self, ClientIp};
use vestibule::web::csrf::{self, Provenance};
use vestibule::web::form::Parameters;
use vestibule::web::user_agent;

use super::world::{self, World};

/// The headers that the server reads; the letter at the start of a line is an index, from `a`.
const NAMES: [&str; 12] = [
    "authorization",
    "accept-language",
    "x-forwarded-for",
    "x-forwarded-proto",
    "origin",
    "sec-fetch-site",
    "host",
    "user-agent",
    "accept",
    "content-type",
    "content-length",
    "if-none-match",
];

/// Takes one header a line; the first letter selects the name. `{T}` is replaced by a valid access token, `{B}` by a
/// client's valid Basic credentials.
pub fn headers(data: &[u8]) {
    world::with(|world| {
        let (id, secret) = &world.client;
        let basic = to_base64(&format!("{id}:{}", secret.reveal()));
        let mut request = TestRequest::default().peer_addr(([127, 0, 0, 1], 40_000).into());
        let mut lines = 0;
        for line in data.split(|byte| *byte == b'\n').take(16) {
            let Some((letter, rest)) = line.split_first() else { continue };
            let Some(name) = NAMES.get(usize::from(letter.wrapping_sub(b'a'))) else { continue };
            let value = match std::str::from_utf8(rest) {
                Ok(text) => HeaderValue::from_str(&text.replace("{T}", &world.token).replace("{B}", &basic)),
                Err(_) => HeaderValue::from_bytes(rest),
            };
            let Ok(value) = value else { continue };
            request = request.append_header((HeaderName::from_static(name), value));
            lines += 1;
        }
        if lines > 0 {
            read(world, &with_services(world, request).to_http_request());
        }
    });
}

fn with_services(world: &World, request: TestRequest) -> TestRequest {
    request
        .app_data(world.tokens.clone())
        .app_data(world.web_config.clone())
        .app_data(web::Data::new(RejectedSignIns::default()))
}

fn read(world: &World, request: &HttpRequest) {
    let ClientIp(address) = ClientIp::of(request);
    assert_eq!(address, address.to_canonical());
    assert!(request.headers().contains_key("x-forwarded-for") || address.is_loopback());
    assert!(request.headers().contains_key("x-forwarded-proto") || !client_ip::is_https(request));
    if !request.headers().contains_key("sec-fetch-site") && !request.headers().contains_key("origin") {
        assert_eq!(csrf::provenance(request), Provenance::Unknown);
    } else {
        let _ = csrf::provenance(request);
    }
    let accepted = request.headers().get("accept-language").and_then(|value| value.to_str().ok());
    assert!(["en", "ko"].contains(&i18n::words_for(accepted).language()));
    assert!(user_agent(request).is_none_or(|text| text.chars().count() <= 256));
    if request.headers().contains_key("authorization") {
        let bearer = world.wait(Bearer::from_request(request, &mut Payload::None));
        let text = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(bearer.is_err() || text.contains(&world.token), "{text}");
        let client = world.wait(client_auth::authenticate(request, &Parameters::default(), &world.db));
        assert!(client.is_err() || client.is_ok_and(|client| client.is_none_or(|client| client.id == world.client.0)));
    }
}

/// Takes a request body. The first byte selects a form, JSON, or the media type on the first line. A lenient parser
/// reads accepted parameters as the same.
pub fn parameters(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let (media_type, body) = match kind % 3 {
        0 => (&b"application/x-www-form-urlencoded"[..], rest),
        1 => (&b"application/json"[..], rest),
        _ => match rest.iter().position(|byte| *byte == b'\n') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => return,
        },
    };
    let Ok(media_type) = HeaderValue::from_bytes(media_type) else { return };
    world::with(|world| {
        let request = TestRequest::post().insert_header(("content-type", media_type));
        let (request, mut payload) = request.set_payload(body.to_vec()).to_http_parts();
        let parameters = world.wait(async {
            let payload = web::Payload::from_request(&request, &mut payload).await.expect("a payload");
            Parameters::read(&request, payload).await
        });
        let Ok(parameters) = parameters else { return };
        let _ = parameters.scope();
        let plain = match kind % 3 {
            0 => from_form(body),
            1 => from_json(body),
            _ => return,
        };
        assert_eq!(parameters.is_empty(), plain.is_empty());
        for (name, value) in plain {
            assert_eq!(parameters.get(&name), Some(value.as_str()), "{name}");
        }
    });
}

fn from_form(body: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn from_json(body: &[u8]) -> HashMap<String, String> {
    let object: HashMap<String, Value> = serde_json::from_slice(body).expect("accepted JSON is an object");
    object.into_iter().map(|(name, value)| (name, value.as_str().expect("its values are strings").to_owned())).collect()
}

/// Encodes text for HTTP Basic authentication (RFC 7617).
fn to_base64(text: &str) -> String {
    let unpadded = base64url(text.as_bytes()).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - unpadded.len() % 4) % 4);
    unpadded + &padding
}
