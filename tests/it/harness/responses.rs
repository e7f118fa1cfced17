//! HTTP responses with their bodies, and requests that no client library would send.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// An HTTP response with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResponse {
    /// For example 200.
    pub status: u16,
    /// Without `date`: two responses can be compared.
    pub headers: HeaderMap,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

/// Sorts a header that is a list without an order: each thread of the server may write it in another one.
fn sort_list(headers: &mut HeaderMap, name: &'static str) {
    let Some(value) = headers.get(name) else { return };
    let mut items: Vec<&str> = value.to_str().expect("ASCII").split(", ").collect();
    items.sort_unstable();
    let sorted = HeaderValue::from_str(&items.join(", ")).expect("a value");
    headers.insert(name, sorted);
}

impl TestResponse {
    /// Sends a request and reads the response.
    pub async fn to(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("a response")).await
    }

    /// Reads a response.
    pub async fn read(response: Response) -> Self {
        let (status, mut headers) = (response.status().as_u16(), response.headers().clone());
        headers.remove("date");
        sort_list(&mut headers, "access-control-expose-headers");
        Self { status, headers, body: response.bytes().await.expect("a body").to_vec() }
    }

    /// A header's text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    /// The body as JSON; null when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The seconds in `Retry-After`, if present.
    pub fn retry_after(&self) -> Option<u64> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }
}

/// Whether a text is a valid `error_description` (RFC 6749 §5.2): printable ASCII without `"` and `\`.
pub fn is_error_description(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

/// Opens a connection and writes these bytes.
pub fn write_raw(url: &str, bytes: &[u8]) -> TcpStream {
    let address = url.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // A server that refuses early may have closed before all was written.
    let _ = stream.write_all(bytes);
    stream
}

/// Sends these bytes, which should contain `Connection: close`, and reads the response to its end.
pub async fn send_raw(url: &str, bytes: Vec<u8>) -> TestResponse {
    let url = url.to_owned();
    let work = tokio::task::spawn_blocking(move || {
        let mut stream = write_raw(&url, &bytes);
        let mut response = Vec::new();
        let mut chunk = [0; 4_096];
        // A reset after the response is not an error of the response.
        while let Ok(count @ 1..) = stream.read(&mut chunk) {
            response.extend_from_slice(&chunk[..count]);
        }
        let _ = stream.shutdown(Shutdown::Both);
        parse(&response)
    });
    work.await.expect("no panic")
}

fn parse(bytes: &[u8]) -> TestResponse {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a complete head");
    let head = String::from_utf8(bytes[..at].to_vec()).expect("a head of text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    headers.remove("date");
    TestResponse { status, headers, body: bytes[at + 4..].to_vec() }
}

/// Asserts that a response is a well-formed error of `/token` or `/me` (RFC 6749 §5.2).
#[track_caller]
pub fn assert_refusal(response: &TestResponse, status: u16, code: &str, what: &str) {
    let body = response.json();
    assert_eq!((response.status, body["error"].as_str()), (status, Some(code)), "{what}: {response:?}");
    assert!(body["error_description"].as_str().is_some_and(is_error_description), "{what}: {response:?}");
    assert_eq!(response.header("content-type"), "application/json", "{what}");
    assert_eq!(response.header("cache-control"), "no-store", "{what}");
    for (name, is_expected) in
        [("www-authenticate", status == 401), ("retry-after", status == 429 || status == 503), ("allow", status == 405)]
    {
        assert_eq!(response.headers.contains_key(name), is_expected, "{what}: {name}: {response:?}");
    }
    assert_eq!(body["request_id"].is_string(), status >= 500, "{what}: {response:?}");
}
