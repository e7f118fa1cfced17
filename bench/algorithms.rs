//! What signing and checking an access token costs, by the server's own code on one thread, beside the same call of `jsonwebtoken` with
//! the same claims and a key of the same kind. Each token is checked once, so that no cache answers.
//! What may not live here: HTTP, and tokens of another shape than the server's.

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
use vestibule::sessions::{self, NewSession, Session, SessionKind, SessionOrigin};
use vestibule::tokens::{Grant, Subject, TokenService};
use vestibule::users::{self, Creation, NewUser, User, Username};

/// Prints tokens signed and checked a second with each algorithm, as JSON
#[derive(Parser)]
struct Arguments {
    /// A file that does not exist: a SQLite database for the time of the run
    #[arg(long)]
    database_file: String,
    /// A file that holds the secret for HS256
    #[arg(long)]
    jwt_secret_file: String,
    #[arg(long, value_parser = ["HS256", "ES256", "EdDSA", "RS256"])]
    algorithm: String,
    /// How long to sign, before as many tokens are checked
    #[arg(long)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let time = Duration::from_secs_f64(arguments.seconds);
    let bare = Bare::new(&arguments)?;
    let ours = actix_web::rt::System::new().block_on(async {
        let (tokens, user, session) = prepare(&arguments).await?;
        let (now, signer) = (tokens.clock().now(), tokens.signer(tokens.clock().now()));
        let grant = Grant { subject: Subject::User(&user, &[]), scope: &session.scope, session: &session };
        let (made, sign_rate) = repeat(time, || Ok(tokens.issue(&signer, grant, now)?.token))?;
        // The one question to the database that HS256 needs is asked before the time is taken.
        tokens.verify(&made[0]).await?;
        let begun = Instant::now();
        for token in &made[1..] {
            tokens.verify(token).await?;
        }
        anyhow::Ok((sign_rate, rate(made.len() - 1, begun), made[0].clone()))
    })?;
    let claims = claims(&ours.2)?;
    let (signed, sign_rate) = repeat(time, || bare.sign(&claims))?;
    let begun = Instant::now();
    for token in &signed[1..] {
        ensure!(bare.verify(token)?["sub"] == "bench", "the token says whose it is");
    }
    let verify_rate = rate(signed.len() - 1, begun);
    println!("{}", json!({"sign": ours.0, "verify": ours.1, "bare sign": sign_rate, "bare verify": verify_rate}));
    Ok(())
}

fn repeat(time: Duration, sign: impl Fn() -> anyhow::Result<String>) -> anyhow::Result<(Vec<String>, f64)> {
    let mut signed = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < time {
        signed.push(sign()?);
    }
    let rate = rate(signed.len(), begun);
    Ok((signed, rate))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 tokens")]
fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

fn claims(token: &str) -> anyhow::Result<Value> {
    let part = token.split('.').nth(1).and_then(vestibule::secret::from_base64url).context("a token")?;
    Ok(serde_json::from_slice(&part)?)
}

/// A server's services on a database of their own, with a user who has a session.
async fn prepare(arguments: &Arguments) -> anyhow::Result<(TokenService, User, Session)> {
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
    let made = services.db.write(move |conn| -> Result<_, DbError> {
        let Creation::Created(user) = users::create(conn, new, now)? else { return Ok(None) };
        let new = NewSession {
            user_id: Some(user.id),
            client_id: None,
            scope: Scopes::default(),
            signing_kid: kid.kid().map(str::to_owned),
            is_remembered: false,
            expires_at: None,
            origin: SessionOrigin { kind: SessionKind::PasswordGrant, network_address: None, user_agent: None },
        };
        Ok(Some((user, sessions::start(conn, new, &lifetimes, now)?.session)))
    });
    let (user, session) = made.await?.context("the database is new")?;
    Ok((services.tokens, user, session))
}

/// The library by itself.
struct Bare {
    header: Header,
    signs: EncodingKey,
    verifies: DecodingKey,
    validation: Validation,
}

impl Bare {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let (algorithm, signs) = match arguments.algorithm.as_str() {
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
                // jsonwebtoken takes the RSA key that stands in the PKCS #8 document, behind 26 bytes of wrapping at this size.
                (Algorithm::RS256, EncodingKey::from_rsa_der(&document.as_ref()[26..]))
            }
        };
        let verifies = match algorithm {
            Algorithm::HS256 => DecodingKey::from_secret(&std::fs::read(&arguments.jwt_secret_file)?),
            _ => DecodingKey::from_jwk(&Jwk::from_encoding_key(&signs, algorithm)?)?,
        };
        let mut validation = Validation::new(algorithm);
        validation.validate_aud = false;
        Ok(Self { header: Header::new(algorithm), signs, verifies, validation })
    }

    fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.signs)?)
    }

    fn verify(&self, token: &str) -> anyhow::Result<Value> {
        Ok(jsonwebtoken::decode::<Value>(token, &self.verifies, &self.validation)?.claims)
    }
}
