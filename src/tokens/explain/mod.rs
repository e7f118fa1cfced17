//! An explanation of why a token is valid or not, by the rules of `access.rs` but from the database alone.

mod claims;
mod records;
mod signature;

use serde_json::Value;

use super::claims::Claims;
use super::display::escape_hidden;
use super::unverified::{UnverifiedToken, decode_unverified};
use crate::clock::Moment;
use crate::config::{Config, Signing};
use crate::db::{Db, DbError};
use records::Records;

/// The result of one check.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// The check: `format`, `header`, `key`, `signature`, `claims`, `time`, `issuer`, `audience`, `session`, `subject`,
    /// `roles` or `scope`.
    pub check: &'static str,
    /// Whether the token passed the check.
    pub ok: bool,
    /// An explanation and, if the token failed, what to do next.
    pub text: String,
}

/// An explanation of why the token passed (`Ok`) or failed (`Err`) a check.
type CheckResult = Result<String, String>;

/// Checks a token with the server's settings. It is valid if every finding is `ok`.
pub async fn explain(token: &str, config: &Config, db: &Db, now: Moment) -> Result<Vec<Finding>, DbError> {
    let decoded = match decode_unverified(token) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(vec![Finding { check: "format", ok: false, text: error.to_string() }]),
    };
    let claims: Result<Claims, String> =
        serde_json::from_slice(&decoded.claims_json).map_err(|error| escape_hidden(&error.to_string()));
    let kid = header_text(&decoded, "kid").map(str::to_owned);
    let named = claims.as_ref().ok().cloned();
    let records = db
        .read(move |conn| -> Result<_, DbError> { Ok(Records::read(conn, kid.as_deref(), named.as_ref(), now)?) })
        .await?;
    let checks = TokenChecks { token, decoded: &decoded, config, records: &records, now };
    let key = checks.key();
    let mut findings = vec![
        finding("format", Ok("well-formed JWT".to_owned())),
        finding("header", checks.header()),
        finding("key", key.as_ref().map(|key| key.description.clone()).map_err(Clone::clone)),
    ];
    if let Ok(key) = &key {
        findings.push(finding("signature", checks.signature(key)));
    }
    match claims {
        Err(error) => findings.push(finding(
            "claims",
            Err(format!("a claim is missing or has the wrong type ({error}): the token was not issued by this server")),
        )),
        Ok(claims) => findings.extend(
            [
                ("time", checks.time(&claims)),
                ("issuer", checks.issuer(&claims)),
                ("audience", checks.audience(&claims)),
                ("session", checks.session(&claims)),
                ("subject", checks.subject(&claims)),
                ("roles", Ok(checks.roles(&claims))),
                ("scope", checks.scope(&claims)),
            ]
            .map(|(check, result)| finding(check, result)),
        ),
    }
    Ok(findings)
}

fn finding(check: &'static str, result: CheckResult) -> Finding {
    let ok = result.is_ok();
    Finding { check, ok, text: result.unwrap_or_else(|text| text) }
}

/// A header field that is text.
fn header_text<'a>(token: &'a UnverifiedToken, field: &str) -> Option<&'a str> {
    token.header.get(field).and_then(Value::as_str)
}

/// The checks of one token, and what they compare it with.
struct TokenChecks<'a> {
    token: &'a str,
    decoded: &'a UnverifiedToken,
    config: &'a Config,
    records: &'a Records,
    now: Moment,
}

impl TokenChecks<'_> {
    /// Whether the server signs with a shared secret (HS256).
    fn is_shared_secret(&self) -> bool {
        matches!(self.config.signing, Signing::Hs256(_))
    }
}
