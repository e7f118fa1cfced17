//! From which address a request comes. Forwarded headers count only from proxies that the settings name.
//! What may not live here: what follows from the address.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use std::future::Ready;

use super::{WebConfig, extracted};
use crate::error::AppError;

/// The client's address.
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
    /// The address that a request comes from.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        Self(find(request, super::config(request)))
    }
}

/// The peer's address or, from a trusted proxy, the last address in X-Forwarded-For that is not such a proxy: what stands before
/// it was written by the client and is worth nothing.
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

/// Whether the browser reached us, or the proxy before us, over https.
#[must_use]
pub fn is_https(request: &HttpRequest) -> bool {
    is_from_trusted_proxy(request) && super::header(request, "x-forwarded-proto") == Some("https")
}

/// Whether a request comes from a proxy that the settings name, so that what it says of another request counts.
#[must_use]
pub fn is_from_trusted_proxy(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| is_trusted(super::config(request), peer))
}

fn is_trusted(config: &WebConfig, address: IpAddr) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(&address))
}

/// Some proxies add the port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address =
        text.parse::<IpAddr>().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}
