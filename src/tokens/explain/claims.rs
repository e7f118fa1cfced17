//! The checks of a token's claims against the clock, the settings and the database.

use super::{CheckResult, TokenChecks};
use crate::clock::unix_seconds;
use crate::scope::Scopes;
use crate::sessions::{self, LEEWAY_SECONDS};
use crate::tokens::claims::Claims;
use crate::tokens::display::{duration, escape_hidden, relative_time, timestamp};
use crate::users::UserState;

impl TokenChecks<'_> {
    pub(super) fn time(&self, claims: &Claims) -> CheckResult {
        let now = unix_seconds(self.now);
        let valid_from = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        let (ahead, since) = (valid_from.saturating_sub(now), now.saturating_sub(claims.exp));
        let text = |seconds: i64| duration(seconds.unsigned_abs());
        if claims.check_time(self.now).is_err() {
            return Err(match () {
                () if ahead > LEEWAY_SECONDS => format!(
                    "not valid yet: it becomes valid {} ({}). This machine's clock or the issuer's is off by about {}: synchronize both with NTP",
                    relative_time(valid_from, self.now),
                    timestamp(valid_from),
                    text(ahead)
                ),
                () if since >= LEEWAY_SECONDS => {
                    format!(
                        "expired {} ago ({}): refresh the token, or sign in again",
                        text(since),
                        timestamp(claims.exp)
                    )
                }
                () => "a timestamp is before 1970: the token was not issued by this server".to_owned(),
            });
        }
        let clock_note = if ahead > 0 {
            format!(
                "; its start time is {} ahead of this machine's clock, within the tolerance of {LEEWAY_SECONDS} s",
                text(ahead)
            )
        } else {
            String::new()
        };
        Ok(if since >= 0 {
            format!(
                "expired {} ago, still accepted for {} (clock tolerance of {LEEWAY_SECONDS} s): refresh the token{clock_note}",
                text(since),
                text(LEEWAY_SECONDS - since)
            )
        } else {
            format!("expires {} ({}){clock_note}", relative_time(claims.exp, self.now), timestamp(claims.exp))
        })
    }

    pub(super) fn issuer(&self, claims: &Claims) -> CheckResult {
        let (actual, expected) = (escape_hidden(&claims.iss), &self.config.issuer);
        if claims.iss == *expected {
            return Ok(format!("issued by this server, {expected}"));
        }
        Err(format!(
            "issued by {actual}, but {expected} is expected: request a token from {expected}, or set ISSUER to the server's value"
        ))
    }

    pub(super) fn audience(&self, claims: &Claims) -> CheckResult {
        let text = |audience: Option<&str>| audience.map_or_else(|| "none".to_owned(), escape_hidden);
        let (actual, expected) = (claims.aud.as_deref(), self.config.audience.as_deref());
        if actual == expected {
            return Ok(format!("as expected: {}", text(actual)));
        }
        Err(format!(
            "the audience is {}, but {} is expected: request a new token, or set AUDIENCE to the server's value",
            text(actual),
            text(expected)
        ))
    }

    pub(super) fn session(&self, claims: &Claims) -> CheckResult {
        let Some(session) = &self.records.session else {
            return Err(format!(
                "session {} not found: it ended and was deleted, or DATABASE_URL is not the server's database. Sign in again",
                escape_hidden(&claims.sid)
            ));
        };
        if let Some(ended_at) = session.ended_at {
            let reason = self
                .records
                .end_reason
                .map_or("for a reason that this release does not recognize", sessions::EndReason::description);
            let ago = relative_time(unix_seconds(ended_at), self.now);
            return Err(format!("session ended {ago}: {reason}. Sign in again"));
        }
        if self.records.is_revoked_by_holder {
            return Err(
                "session is live, but all tokens of its user or client were revoked at once, because many of their sessions have ended: refresh the token"
                    .to_owned(),
            );
        }
        if session.user_id != claims.id || session.client_id != claims.client_id {
            return Err("session belongs to another user or client: the token is forged. Request a new one".to_owned());
        }
        if self.is_shared_secret() && claims.exp > unix_seconds(session.access_until) {
            return Err(
                "expires later than its session allows: someone with JWT_SECRET modified the token. Replace JWT_SECRET"
                    .to_owned(),
            );
        }
        Ok(format!("session started {} and is live", relative_time(unix_seconds(session.created_at), self.now)))
    }

    /// Checks the user, or the client of a client-credentials token.
    pub(super) fn subject(&self, claims: &Claims) -> CheckResult {
        if let (Some(id), None) = (&claims.client_id, &self.records.client) {
            return Err(format!(
                "client {} not found: it was deleted, or DATABASE_URL is not the server's database. Use another client",
                escape_hidden(id)
            ));
        }
        let Some(id) = claims.id else {
            return match &self.records.client {
                Some(client) if client.id == claims.sub => Ok(format!("client {}", escape_hidden(&client.name))),
                _ => Err("neither a user nor a client: the token was not issued by this server".to_owned()),
            };
        };
        let Some(user) = &self.records.user else {
            return Err(format!("user ID {id} not found: DATABASE_URL is not the server's database"));
        };
        let ago = |at| relative_time(unix_seconds(at), self.now);
        match user.state {
            UserState::Deleted(at) => {
                Err(format!("user {} was deleted {}: sign in as another user", user.username, ago(at)))
            }
            UserState::Disabled(at) => Err(format!(
                "user {0} was disabled {1}: run \"vestibule users enable {0}\", then sign in again",
                user.username,
                ago(at)
            )),
            UserState::Active if user.username != claims.sub => Err(format!(
                "user ID {id} is {}, not {}: the token is forged",
                user.username,
                escape_hidden(&claims.sub)
            )),
            UserState::Active => Ok(format!("user {} (id {id})", user.username)),
        }
    }

    pub(super) fn roles(&self, claims: &Claims) -> String {
        let text =
            |roles: &[String]| if roles.is_empty() { "none".to_owned() } else { escape_hidden(&roles.join(", ")) };
        if claims.roles == self.records.roles {
            return text(&claims.roles);
        }
        format!(
            "changed since the token was issued: from {} to {}. To update it, refresh the token or sign in again",
            text(&claims.roles),
            text(&self.records.roles)
        )
    }

    pub(super) fn scope(&self, claims: &Claims) -> CheckResult {
        let Some(scope) = Scopes::parse(&claims.scope) else {
            return Err("malformed: the token was not issued by this server".to_owned());
        };
        if self.is_shared_secret()
            && self.records.session.as_ref().is_some_and(|session| !scope.is_subset(&session.scope))
        {
            return Err(
                "has scopes that its session was never granted: someone with JWT_SECRET modified the token. Replace JWT_SECRET".to_owned()
            );
        }
        let text = |scope: &Scopes| if scope.is_empty() { "none".to_owned() } else { scope.to_string() };
        let remaining = scope.intersection(&self.records.allowed_scopes);
        if remaining == scope {
            return Ok(text(&scope));
        }
        Ok(format!(
            "changed since the token was issued: from {} to {}. Run \"vestibule roles list\" to see what each role allows",
            text(&scope),
            text(&remaining)
        ))
    }
}
