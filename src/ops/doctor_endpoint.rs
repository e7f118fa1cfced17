//! `GET /doctor`: tells `vestibule doctor` how its own request arrived, behind the reverse proxy. Without a ticket, it is a
//! page that does not exist.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Moment, moment_from_unix_seconds, unix_seconds};
use crate::error::AppError;
use crate::secret::{DerivedKey, KeyPurpose, ServerKey, base64url, constant_time_eq, random_id};
use crate::web::cookies::{self, CookieName};
use crate::web::{client_ip, error_page, get, header};

/// The path.
pub const PATH: &str = "/doctor";
/// The header with the ticket. It is not in the URL, which proxies log.
pub const TICKET_HEADER: &str = "x-vestibule-doctor";
/// How long a ticket is valid. Who sees one learns with it how their own request arrives, and nothing else.
const TICKET_SECONDS: i64 = 60;

/// The key of the tickets, which only holders of the server key can make.
#[derive(Clone)]
pub struct DoctorKey(DerivedKey);

impl DoctorKey {
    /// Derives it.
    #[must_use]
    pub fn new(server_key: &ServerKey) -> Self {
        Self(server_key.derive(KeyPurpose::Doctor))
    }

    /// A new ticket: a nonce, the time, and a MAC over both.
    #[must_use]
    pub fn ticket(&self, now: Moment) -> String {
        let (nonce, time) = (random_id(), unix_seconds(now).to_string());
        let mac = self.mac(&nonce, &time);
        format!("{nonce}.{time}.{mac}")
    }

    fn mac(&self, nonce: &str, time: &str) -> String {
        base64url(&self.0.hmac(&[nonce.as_bytes(), time.as_bytes()]))
    }

    /// The nonce of a valid ticket.
    fn open<'a>(&self, ticket: &'a str, now: Moment) -> Option<&'a str> {
        let mut parts = ticket.split('.');
        let (nonce, time, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let made_at = time.parse().ok().and_then(moment_from_unix_seconds)?;
        let is_fresh = (now - made_at).num_seconds().abs() <= TICKET_SECONDS;
        let is_genuine = constant_time_eq(self.mac(nonce, time).as_bytes(), mac.as_bytes());
        (parts.next().is_none() && is_fresh && is_genuine).then_some(nonce)
    }
}

/// How a request arrived.
#[derive(Debug, Serialize, Deserialize)]
pub struct Arrival {
    /// The scheme that the browser used, as the server believes it.
    pub scheme: String,
    /// The `Host` header.
    pub host: String,
    /// The address that the connection came from.
    pub peer: String,
    /// Whether that is one of `TRUSTED_PROXIES`.
    pub is_from_trusted_proxy: bool,
    /// The client's address, as the rate limits count it.
    pub client: String,
    /// `X-Forwarded-For`.
    pub forwarded_for: Option<String>,
    /// `X-Forwarded-Proto`.
    pub forwarded_proto: Option<String>,
    /// `X-Forwarded-Host`.
    pub forwarded_host: Option<String>,
    /// Whether the request has the cookie of the response before.
    pub has_cookie: bool,
}

/// Mounts the endpoint.
pub fn routes(services: &mut web::ServiceConfig) {
    services.service(web::resource(PATH).route(get().to(arrival)).default_service(web::to(error_page::not_found)));
}

async fn arrival(
    request: HttpRequest,
    key: web::Data<DoctorKey>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, AppError> {
    let ticket = header(&request, TICKET_HEADER).map(str::to_owned);
    let Some(nonce) = ticket.as_deref().and_then(|ticket| key.open(ticket, clock.now())) else {
        return error_page::not_found(request).await;
    };
    // Each of several proxies may add a header of its own.
    let text = |name: &str| {
        let values: Vec<&str> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let arrival = Arrival {
        scheme: client_ip::scheme(&request).to_owned(),
        host: text("host").unwrap_or_default(),
        peer: request.peer_addr().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default(),
        is_from_trusted_proxy: client_ip::is_from_trusted_proxy(&request),
        client: client_ip::ClientIp::of(&request).0.to_string(),
        forwarded_for: text("x-forwarded-for"),
        forwarded_proto: text("x-forwarded-proto"),
        forwarded_host: text("x-forwarded-host"),
        has_cookie: cookies::find(&request, CookieName::Doctor).is_some_and(|value| value == nonce),
    };
    let mut response = HttpResponse::Ok().json(arrival);
    cookies::set_doctor(&mut response, crate::web::config(&request), nonce);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn ticket_is_valid_for_a_minute_and_for_its_server_key_only() {
        let key = DoctorKey::new(&ServerKey::generate());
        let now = Clock::system().now();
        let ticket = key.ticket(now);
        assert!(key.open(&ticket, now).is_some_and(|nonce| ticket.starts_with(nonce)));
        for seconds in [-62, 62] {
            assert_eq!(key.open(&ticket, now + TimeDelta::seconds(seconds)), None);
        }
        assert_eq!(DoctorKey::new(&ServerKey::generate()).open(&ticket, now), None);
        for forged in ["", "a.b", "..", &ticket[1..], &format!("{ticket}."), &ticket[..ticket.len() - 1]] {
            assert_eq!(key.open(forged, now), None, "{forged}");
        }
    }
}
