//! A benchmark of signing and verifying access tokens on one thread, by the server's code and by `jsonwebtoken` alone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use clap::Parser;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use vestibule::clock::Clock;
use vestibule::config::Settings;
use vestibule::db::DbError;
use vestibule::scope::Scopes;
use vestibule::secret::ServerKey;
use vestibule::server;
use vestibule::sessions::{self, NewSession, SessionKind, SessionOrigin, StartedSession};
use vestibule::tokens::{Grant, Subject, TokenService};
use vestibule::users::{self, NewUser, User, UserCreation, Username};

/// Prints the tokens signed and verified per second, as JSON
#[derive(Parser)]
struct Arguments {
    /// Path of a new SQLite database
    #[arg(long)]
    database_file: String,
    /// File that contains the HS256 secret
    #[arg(long)]
    jwt_secret_file: String,
    #[arg(long, value_parser = ["HS256", "ES256", "EdDSA", "RS256"])]
    algorithm: String,
    /// Seconds to sign; afterwards the same tokens are verified
    #[arg(long)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let time = Duration::from_secs_f64(arguments.seconds);
    let bare = Bare::new(&arguments)?;
    let (server_sign_rate, server_verify_rate, token) = actix_web::rt::System::new().block_on(async {
        let (tokens, user, StartedSession { session, holders, .. }) = prepare(&arguments).await?;
        let (now, signer) = (tokens.clock().now(), tokens.signer(tokens.clock().now()));
        let subject = Subject::User(&user, &[]);
        let grant = Grant { subject, scope: &session.scope, session: &session, holders: &holders };
        let (issued, sign_rate) = repeat(time, || Ok(tokens.issue(&signer, grant, now)?.token))?;
        // With HS256, the first verification queries the database, so it is not measured. Each token is verified once,
        // so no cache helps.
        tokens.verify(&issued[0]).await?;
        let start = Instant::now();
        for token in &issued[1..] {
            tokens.verify(token).await?;
        }
        anyhow::Ok((sign_rate, rate(issued.len() - 1, start), issued[0].clone()))
    })?;
    let claims = claims(&token)?;
    let (issued, sign_rate) = repeat(time, || bare.sign(&claims))?;
    let start = Instant::now();
    for token in &issued[1..] {
        ensure!(bare.verify(token)?["sub"] == "bench", "the token has the wrong subject");
    }
    let verify_rate = rate(issued.len() - 1, start);
    println!(
        "{}",
        json!({
            "sign": server_sign_rate, "verify": server_verify_rate, "bare sign": sign_rate, "bare verify": verify_rate,
        })
    );
    Ok(())
}

fn repeat(time: Duration, sign: impl Fn() -> anyhow::Result<String>) -> anyhow::Result<(Vec<String>, f64)> {
    let mut signed = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        signed.push(sign()?);
    }
    let rate = rate(signed.len(), start);
    Ok((signed, rate))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 tokens")]
fn rate(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

fn claims(token: &str) -> anyhow::Result<Value> {
    let part = token.split('.').nth(1).and_then(vestibule::secret::from_base64url).context("a token")?;
    Ok(serde_json::from_slice(&part)?)
}

/// Starts a server on a new database and creates a user with a session.
async fn prepare(arguments: &Arguments) -> anyhow::Result<(TokenService, User, StartedSession)> {
    let mut settings = Settings::default();
    settings.set("DATABASE_URL", format!("sqlite://{}", arguments.database_file));
    settings.set("BIND", "127.0.0.1:0");
    settings.set("JWT_ALGORITHM", arguments.algorithm.clone());
    if arguments.algorithm == "HS256" {
        settings.set("JWT_SECRET_FILE", &arguments.jwt_secret_file);
    }
    let mut config = settings.check()?;
    config.server_key = Some(ServerKey::generate());
    let services = server::start(config, Clock::system()).await?.services;
    let new = NewUser {
        id: None,
        username: Username::parse("bench", None)?,
        display_name: None,
        email: None,
        password_hash: None,
    };
    let (now, lifetimes) = (services.clock.now(), services.sessions.lifetimes());
    let kid = services.tokens.signer(now);
    let created = services.db.write(move |conn| -> Result<_, DbError> {
        let UserCreation::Created(user) = users::create(conn, new, now)? else { return Ok(None) };
        let new = NewSession {
            user_id: Some(user.id),
            client_id: None,
            scope: Scopes::default(),
            signing_kid: kid.kid().map(str::to_owned),
            is_remembered: false,
            expires_at: None,
            origin: SessionOrigin { kind: SessionKind::PasswordGrant, network_address: None, user_agent: None },
        };
        Ok(Some((user, sessions::start(conn, new, &lifetimes, now)?)))
    });
    let (user, started) = created.await?.context("the database is new")?;
    Ok((services.tokens, user, started))
}

/// `jsonwebtoken` alone, with the same claims and kind of key.
struct Bare {
    header: Header,
    signing_key: EncodingKey,
    verifying_key: DecodingKey,
    validation: Validation,
}

impl Bare {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let (algorithm, signing_key) = match arguments.algorithm.as_str() {
            "HS256" => (Algorithm::HS256, EncodingKey::from_secret(&std::fs::read(&arguments.jwt_secret_file)?)),
            "ES256" => {
                let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
                (Algorithm::ES256, EncodingKey::from_ec_der(document.as_ref()))
            }
            "EdDSA" => {
                let document = Ed25519KeyPair::generate_pkcs8v1(&random)?;
                (Algorithm::EdDSA, EncodingKey::from_ed_der(document.as_ref()))
            }
            _ => {
                let pair = rsa::KeyPair::generate(KeySize::Rsa3072)?;
                let document = pair.as_der()?;
                // jsonwebtoken takes the PKCS #1 key, which follows 26 bytes of the PKCS #8 document at this key size.
                (Algorithm::RS256, EncodingKey::from_rsa_der(&document.as_ref()[26..]))
            }
        };
        let verifying_key = match algorithm {
            Algorithm::HS256 => DecodingKey::from_secret(&std::fs::read(&arguments.jwt_secret_file)?),
            _ => DecodingKey::from_jwk(&Jwk::from_encoding_key(&signing_key, algorithm)?)?,
        };
        let mut validation = Validation::new(algorithm);
        validation.validate_aud = false;
        Ok(Self { header: Header::new(algorithm), signing_key, verifying_key, validation })
    }

    fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.signing_key)?)
    }

    fn verify(&self, token: &str) -> anyhow::Result<Value> {
        Ok(jsonwebtoken::decode::<Value>(token, &self.verifying_key, &self.validation)?.claims)
    }
}
