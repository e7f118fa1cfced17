//! What is wrong with a token, in words and each with what to do next. The same rules as `access.rs`, but all of them are
//! looked at, and the database is asked instead of what a server keeps in memory. `signature.rs` looks at the header and the key,
//! `claims.rs` at what the token says, `facts.rs` reads what the database holds.
//! What may not live here: how it is printed (`cli`).

mod claims;
mod facts;
mod signature;

use serde_json::Value;

use super::claims::Claims;
use super::inspect::{self, Unchecked, plain};
use crate::clock::Moment;
use crate::config::{Config, Signing};
use crate::db::{Db, DbError};
use facts::Facts;

/// One thing that was looked at.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// What: `format`, `header`, `key`, `signature`, `claims`, `time`, `issuer`, `audience`, `session`, `subject`, `roles` or `scope`.
    pub check: &'static str,
    /// Whether the token serves as far as this goes.
    pub ok: bool,
    /// In words; what to do next when it does not.
    pub text: String,
}

/// What a check found: fine, with a word on it, or not, with what to do.
type Verdict = Result<String, String>;

/// Looks at a token with the server's settings. It serves when every finding is `ok`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn explain(token: &str, config: &Config, db: &Db, now: Moment) -> Result<Vec<Finding>, DbError> {
    let unchecked = match inspect::read(token) {
        Ok(unchecked) => unchecked,
        Err(error) => return Ok(vec![Finding { check: "format", ok: false, text: error.to_string() }]),
    };
    let claims: Result<Claims, String> =
        serde_json::from_slice(&unchecked.claims_text).map_err(|error| plain(&error.to_string()));
    let (kid, asked) = (text_of(&unchecked, "kid").map(str::to_owned), claims.as_ref().ok().cloned());
    let facts =
        db.read(move |conn| -> Result<_, DbError> { Ok(Facts::read(conn, kid.as_deref(), asked.as_ref())?) }).await?;
    let look = Look { token, unchecked: &unchecked, config, facts: &facts, now };
    let key = look.key();
    let mut findings = vec![
        finding("format", Ok("well-formed JWT".to_owned())),
        finding("header", look.header()),
        finding("key", key.as_ref().map(|(_, text)| text.clone()).map_err(Clone::clone)),
    ];
    if let Ok((key, _)) = &key {
        findings.push(finding("signature", look.signature(key)));
    }
    match claims {
        Err(error) => findings.push(finding(
            "claims",
            Err(format!("a claim is missing or has the wrong type ({error}): the token was not issued by this server")),
        )),
        Ok(claims) => findings.extend(
            [
                ("time", look.time(&claims)),
                ("issuer", look.issuer(&claims)),
                ("audience", look.audience(&claims)),
                ("session", look.session(&claims)),
                ("subject", look.subject(&claims)),
                ("roles", Ok(look.roles(&claims))),
                ("scope", look.scope(&claims)),
            ]
            .map(|(check, verdict)| finding(check, verdict)),
        ),
    }
    Ok(findings)
}

fn finding(check: &'static str, verdict: Verdict) -> Finding {
    let ok = verdict.is_ok();
    Finding { check, ok, text: verdict.unwrap_or_else(|text| text) }
}

/// A text in the header.
fn text_of<'a>(unchecked: &'a Unchecked, field: &str) -> Option<&'a str> {
    unchecked.header.get(field).and_then(Value::as_str)
}

/// What is looked at, and what with.
struct Look<'a> {
    token: &'a str,
    unchecked: &'a Unchecked,
    config: &'a Config,
    facts: &'a Facts,
    now: Moment,
}

impl Look<'_> {
    fn is_shared(&self) -> bool {
        matches!(self.config.signing, Signing::Hs256(_))
    }
}
