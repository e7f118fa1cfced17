//! A resource server on Actix that verifies Vestibule's access tokens offline, with the published keys.
//!
//! ```sh
//! export ISSUER=http://localhost:8080  # the server's ISSUER or PUBLIC_URL; also AUDIENCE, if the server sets it
//! PORT=8002 cargo run --example actix_resource_server
//! curl -H "Authorization: Bearer $TOKEN" localhost:8002/whoami
//! ```
//!
//! In your own project it needs `actix-web`, `jsonwebtoken` (feature `aws_lc_rs`), `reqwest` (features `json` and
//! `rustls`), `serde`, `serde_json` and `tokio`.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

/// Vestibule publishes a key ten minutes before it signs, so this age never misses one.
const KEYS_MAX_AGE: Duration = Duration::from_mins(5);
/// A token with an unknown key causes at most one request in this time, so that invalid tokens cannot cause many.
const KEYS_COOLDOWN: Duration = Duration::from_secs(5);
/// The longest delay until a sign-out takes effect here. Without polling, a token is valid until it expires.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

struct TokenVerifier {
    client: reqwest::Client,
    issuer: String,
    audience: Option<String>,
    /// The URL at which this server reaches Vestibule. It may differ from the public URL.
    url: String,
    keys: Mutex<KeyCache>,
    revocations: RwLock<Revocations>,
}

#[derive(Default)]
struct KeyCache {
    keys: JwkSet,
    requested_at: Option<Instant>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    scope: String,
    #[serde(default)]
    holders: HashMap<String, u64>,
}

/// The response of `GET /revoked`.
#[derive(Deserialize)]
struct RevocationList {
    sessions: Vec<RevokedSession>,
    holders: Vec<RevokedHolder>,
    truncated: bool,
}

#[derive(Deserialize)]
struct RevokedSession {
    sid: String,
    until: u64,
}

#[derive(Deserialize)]
struct RevokedHolder {
    holder: String,
    before: u64,
    until: u64,
}

/// The revoked sessions and holders. Each entry is kept until it expires, also when the server no longer lists it.
#[derive(Default)]
struct Revocations {
    /// When each entry expires, by session ID.
    sessions: HashMap<String, u64>,
    /// The first valid generation and when the entry expires, by holder ID.
    holders: HashMap<String, (u64, u64)>,
}

impl Revocations {
    fn update(&mut self, list: RevocationList) {
        self.sessions.extend(list.sessions.into_iter().map(|entry| (entry.sid, entry.until)));
        self.holders.extend(list.holders.into_iter().map(|entry| (entry.holder, (entry.before, entry.until))));
        let now = get_current_timestamp();
        self.sessions.retain(|_, until| *until > now);
        self.holders.retain(|_, (_, until)| *until > now);
        if list.truncated {
            // An API that must learn of every revocation introspects each token while the list is incomplete.
            eprintln!("the list of revoked sessions is incomplete");
        }
    }

    fn contains(&self, claims: &Claims) -> bool {
        let is_earlier = |(holder, generation): (&String, &u64)| {
            self.holders.get(holder).is_some_and(|(before, _)| generation < before)
        };
        self.sessions.contains_key(&claims.sid) || claims.holders.iter().any(is_earlier)
    }
}

enum TokenError {
    /// The request has no token.
    Missing,
    /// The token is not valid.
    Invalid,
    /// The keys cannot be fetched.
    KeysUnavailable,
}

impl TokenVerifier {
    async fn verify(&self, request: &HttpRequest) -> Result<Claims, TokenError> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Missing);
        }
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Rejects other kinds of tokens signed with the same key. RFC 9068 tokens have an audience.
        let typ = if self.audience.is_some() { "at+jwt" } else { "JWT" };
        if header.typ.as_deref() != Some(typ) {
            return Err(TokenError::Invalid);
        }
        let key = self.find_key(&header.kid.ok_or(TokenError::Invalid)?).await?;
        // The algorithm comes from the key, never from the token.
        let algorithm = match key.common.key_algorithm {
            Some(KeyAlgorithm::ES256) => Algorithm::ES256,
            Some(KeyAlgorithm::EdDSA) => Algorithm::EdDSA,
            Some(KeyAlgorithm::RS256) => Algorithm::RS256,
            _ => return Err(TokenError::Invalid),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 30;
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Without AUDIENCE, a token for any audience is rejected.
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        let key = DecodingKey::from_jwk(&key).map_err(|_| TokenError::Invalid)?;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|_| TokenError::Invalid)?.claims;
        let is_revoked = self.revocations.read().unwrap_or_else(PoisonError::into_inner).contains(&claims);
        if is_revoked { Err(TokenError::Invalid) } else { Ok(claims) }
    }

    async fn find_key(&self, kid: &str) -> Result<Jwk, TokenError> {
        let KeyCache { keys, requested_at } = &mut *self.keys.lock().await;
        let age = requested_at.map_or(Duration::MAX, |requested_at| requested_at.elapsed());
        if age > KEYS_MAX_AGE || (keys.find(kid).is_none() && age > KEYS_COOLDOWN) {
            *requested_at = Some(Instant::now());
            // While Vestibule is unreachable, the last known keys stay valid.
            if let Ok(published) = self.fetch_keys().await {
                *keys = published;
            }
        }
        match keys.find(kid) {
            Some(key) => Ok(key.clone()),
            None if keys.keys.is_empty() => Err(TokenError::KeysUnavailable),
            None => Err(TokenError::Invalid),
        }
    }

    async fn fetch_keys(&self) -> reqwest::Result<JwkSet> {
        let url = format!("{}/.well-known/jwks.json", self.url);
        self.client.get(url).send().await?.error_for_status()?.json().await
    }

    async fn poll_revocations(&self) {
        let mut etag = String::new();
        loop {
            // While Vestibule is unreachable, the known entries stay.
            if let Ok(Some((list, tag))) = self.fetch_revoked(&etag).await {
                self.revocations.write().unwrap_or_else(PoisonError::into_inner).update(list);
                etag = tag;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns the list of revocations and its `ETag`; `None` if it has not changed.
    async fn fetch_revoked(&self, etag: &str) -> reqwest::Result<Option<(RevocationList, String)>> {
        let request = self.client.get(format!("{}/revoked", self.url)).header("if-none-match", etag);
        let response = request.send().await?.error_for_status()?;
        if response.status() == 304 {
            return Ok(None);
        }
        let tag = response.headers().get("etag").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Some((response.json().await?, tag)))
    }
}

async fn whoami(request: HttpRequest, verifier: web::Data<TokenVerifier>) -> HttpResponse {
    let unauthorized = |challenge| HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, challenge)).finish();
    match verifier.verify(&request).await {
        Ok(claims) => HttpResponse::Ok().json(json!({"sub": claims.sub, "scope": claims.scope})),
        Err(TokenError::Missing) => unauthorized(r#"Bearer realm="example""#),
        Err(TokenError::Invalid) => unauthorized(r#"Bearer realm="example", error="invalid_token""#),
        Err(TokenError::KeysUnavailable) => {
            HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "5")).finish()
        }
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::var("ISSUER").map_err(|_| "set ISSUER, such as http://localhost:8080")?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "8002".to_owned()).parse()?;
    let verifier = web::Data::new(TokenVerifier {
        client: reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?,
        url: std::env::var("VESTIBULE_URL").unwrap_or_else(|_| issuer.clone()),
        issuer,
        audience: std::env::var("AUDIENCE").ok(),
        keys: Mutex::default(),
        revocations: RwLock::default(),
    });
    let polling = verifier.clone();
    actix_web::rt::spawn(async move { polling.poll_revocations().await });
    let server = HttpServer::new(move || App::new().app_data(verifier.clone()).route("/whoami", web::get().to(whoami)));
    Ok(server.workers(1).bind(("127.0.0.1", port))?.run().await?)
}
