//! A resource server on Actix that takes Vestibule's access tokens and checks them offline, by the published keys.
//!
//! ```sh
//! export ISSUER=http://localhost:8080  # as the server's ISSUER or PUBLIC_URL says; AUDIENCE too, when it is set there
//! PORT=8002 cargo run --example actix_resource_server
//! curl -H "Authorization: Bearer $TOKEN" localhost:8002/whoami
//! ```
//!
//! In a project of its own it needs `actix-web`, `jsonwebtoken` (feature `aws_lc_rs`), `reqwest` (features `json`, `rustls`), `serde`,
//! `serde_json` and `tokio`. What may not live here: anything of Vestibule's own code.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

/// Vestibule publishes a key ten minutes before it signs, so that this age never misses one.
const KEYS_MAX_AGE: Duration = Duration::from_mins(5);
/// Anybody can send a token with an unknown key: that leads to one fetch in this time, not to one for each.
const KEYS_COOLDOWN: Duration = Duration::from_secs(5);
/// By so much later is a sign-out seen here. Leave the polling out where the life of a token is soon enough.
const POLL_EVERY: Duration = Duration::from_secs(5);

struct Checker {
    client: reqwest::Client,
    issuer: String,
    audience: Option<String>,
    /// Where Vestibule is reached from here, when that is not its public address.
    url: String,
    keys: Mutex<(JwkSet, Option<Instant>)>,
    ended: RwLock<HashSet<String>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    scope: String,
}

#[derive(Deserialize)]
struct Revoked {
    sessions: Vec<Ended>,
}

#[derive(Deserialize)]
struct Ended {
    sid: String,
}

enum Refusal {
    /// Nothing came.
    Missing,
    /// It does not serve.
    Invalid,
    /// No key was ever fetched.
    Away,
}

impl Checker {
    async fn check(&self, request: &HttpRequest) -> Result<Claims, Refusal> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Missing);
        }
        let header = decode_header(token).map_err(|_| Refusal::Invalid)?;
        // RFC 9068: no other kind of token with the same key passes for one.
        if header.typ.as_deref() != Some("at+jwt") {
            return Err(Refusal::Invalid);
        }
        let key = self.find_key(&header.kid.ok_or(Refusal::Invalid)?).await?;
        // The algorithm is the key's, out of those that we name, never the token's.
        let algorithm = match key.common.key_algorithm {
            Some(KeyAlgorithm::ES256) => Algorithm::ES256,
            Some(KeyAlgorithm::EdDSA) => Algorithm::EdDSA,
            Some(KeyAlgorithm::RS256) => Algorithm::RS256,
            _ => return Err(Refusal::Invalid),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 30;
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Without one configured, a token for some audience is refused.
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        let key = DecodingKey::from_jwk(&key).map_err(|_| Refusal::Invalid)?;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|_| Refusal::Invalid)?.claims;
        let is_ended = self.ended.read().unwrap_or_else(PoisonError::into_inner).contains(&claims.sid);
        if is_ended { Err(Refusal::Invalid) } else { Ok(claims) }
    }

    async fn find_key(&self, kid: &str) -> Result<Jwk, Refusal> {
        let (keys, tried_at) = &mut *self.keys.lock().await;
        let age = tried_at.map_or(Duration::MAX, |tried_at| tried_at.elapsed());
        if age > KEYS_MAX_AGE || (keys.find(kid).is_none() && age > KEYS_COOLDOWN) {
            *tried_at = Some(Instant::now());
            // When Vestibule is away, the last known ones serve on.
            if let Ok(published) = self.fetch_keys().await {
                *keys = published;
            }
        }
        match keys.find(kid) {
            Some(key) => Ok(key.clone()),
            None if keys.keys.is_empty() => Err(Refusal::Away),
            None => Err(Refusal::Invalid),
        }
    }

    async fn fetch_keys(&self) -> reqwest::Result<JwkSet> {
        let url = format!("{}/.well-known/jwks.json", self.url);
        self.client.get(url).send().await?.error_for_status()?.json().await
    }

    async fn poll_ended_sessions(&self) {
        let mut etag = String::new();
        loop {
            // When Vestibule is away, the last known ones stand.
            if let Ok(Some((revoked, tag))) = self.fetch_ended(&etag).await {
                let sids = revoked.sessions.into_iter().map(|session| session.sid).collect();
                *self.ended.write().unwrap_or_else(PoisonError::into_inner) = sids;
                etag = tag;
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// `None` when nothing has changed since.
    async fn fetch_ended(&self, etag: &str) -> reqwest::Result<Option<(Revoked, String)>> {
        let request = self.client.get(format!("{}/revoked", self.url)).header("if-none-match", etag);
        let response = request.send().await?.error_for_status()?;
        if response.status() == 304 {
            return Ok(None);
        }
        let tag = response.headers().get("etag").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Some((response.json().await?, tag)))
    }
}

async fn whoami(request: HttpRequest, checker: web::Data<Checker>) -> HttpResponse {
    let refused = |challenge| HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, challenge)).finish();
    match checker.check(&request).await {
        Ok(claims) => HttpResponse::Ok().json(json!({"sub": claims.sub, "scope": claims.scope})),
        Err(Refusal::Missing) => refused(r#"Bearer realm="example""#),
        Err(Refusal::Invalid) => refused(r#"Bearer realm="example", error="invalid_token""#),
        Err(Refusal::Away) => HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "5")).finish(),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::var("ISSUER").map_err(|_| "set ISSUER, such as http://localhost:8080")?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "8002".to_owned()).parse()?;
    let checker = web::Data::new(Checker {
        client: reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?,
        url: std::env::var("VESTIBULE_URL").unwrap_or_else(|_| issuer.clone()),
        issuer,
        audience: std::env::var("AUDIENCE").ok(),
        keys: Mutex::default(),
        ended: RwLock::default(),
    });
    let polling = checker.clone();
    actix_web::rt::spawn(async move { polling.poll_ended_sessions().await });
    let server = HttpServer::new(move || App::new().app_data(checker.clone()).route("/whoami", web::get().to(whoami)));
    Ok(server.workers(1).bind(("127.0.0.1", port))?.run().await?)
}
