//! The client's IP address; forwarded headers count only from trusted proxies.

use std::future::Ready;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::{WebConfig, extracted};
use crate::error::AppError;

/// The client's IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl FromRequest for ClientIp {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(Ok(Self::of(request)))
    }
}

impl ClientIp {
    /// The address of the client that sent a request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        Self(find(request, super::config(request)))
    }
}

/// The peer's address or, behind a trusted proxy, the last untrusted address in X-Forwarded-For: a client can forge
/// everything before it.
fn find(request: &HttpRequest, config: &WebConfig) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    if !is_trusted(config, peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = peer;
    for hop in chain.into_iter().rev() {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !is_trusted(config, address) {
            break;
        }
    }
    client
}

/// Whether a trusted proxy reports that the browser used https.
#[must_use]
pub fn is_https(request: &HttpRequest) -> bool {
    is_from_trusted_proxy(request) && first_entry(request, "x-forwarded-proto") == Some("https")
}

/// The scheme that the browser used: as a trusted proxy reports it, otherwise that of `PUBLIC_URL`.
#[must_use]
pub fn scheme(request: &HttpRequest) -> &'static str {
    let reported = first_entry(request, "x-forwarded-proto").filter(|_| is_from_trusted_proxy(request));
    match reported {
        Some("https") => "https",
        Some("http") => "http",
        _ if super::config(request).public_url.is_https() => "https",
        _ => "http",
    }
}

/// The first entry of a header to which each of several proxies may append its own: what the browser sent to the first.
#[must_use]
pub fn first_entry<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    super::header(request, name)?.split(',').next().map(str::trim)
}

/// Whether the request comes from a trusted proxy.
#[must_use]
pub fn is_from_trusted_proxy(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| is_trusted(super::config(request), peer))
}

fn is_trusted(config: &WebConfig, address: IpAddr) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(&address))
}

/// Parses an address with or without a port, which some proxies add.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}
