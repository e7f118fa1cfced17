//! What a token says, held against the clock, the settings and the database. What may not live here: its signature (`signature.rs`).

use super::{Look, Verdict};
use crate::clock::unix_seconds;
use crate::scope::Scopes;
use crate::sessions;
use crate::tokens::claims::{Claims, LEEWAY_SECONDS};
use crate::tokens::inspect::{from_now, moment, plain, span};
use crate::users::UserState;

impl Look<'_> {
    pub(super) fn time(&self, claims: &Claims) -> Verdict {
        let now = unix_seconds(self.now);
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        let (ahead, since) = (begins.saturating_sub(now), now.saturating_sub(claims.exp));
        let words = |seconds: i64| span(seconds.unsigned_abs());
        if claims.check_time(self.now).is_err() {
            return Err(match () {
                () if ahead > LEEWAY_SECONDS => format!(
                    "not valid yet: it becomes valid {} ({}). This machine's clock or the issuer's is off by about {}: synchronize both with NTP",
                    from_now(begins, self.now),
                    moment(begins),
                    words(ahead)
                ),
                () if since >= LEEWAY_SECONDS => {
                    format!(
                        "expired {} ago ({}): refresh the token, or sign in again",
                        words(since),
                        moment(claims.exp)
                    )
                }
                () => "a timestamp is before 1970: the token was not issued by this server".to_owned(),
            });
        }
        let clocks = if ahead > 0 {
            format!(
                "; its start time is {} ahead of this machine's clock, within the tolerance of {LEEWAY_SECONDS} s",
                words(ahead)
            )
        } else {
            String::new()
        };
        Ok(if since >= 0 {
            format!(
                "expired {} ago, still accepted for {} (clock tolerance of {LEEWAY_SECONDS} s): refresh the token{clocks}",
                words(since),
                words(LEEWAY_SECONDS - since)
            )
        } else {
            format!("expires {} ({}){clocks}", from_now(claims.exp, self.now), moment(claims.exp))
        })
    }

    pub(super) fn issuer(&self, claims: &Claims) -> Verdict {
        let (theirs, ours) = (plain(&claims.iss), &self.config.issuer);
        if claims.iss == *ours {
            return Ok(format!("issued by this server, {ours}"));
        }
        Err(format!(
            "issued by {theirs}, but {ours} is expected: request a token from {ours}, or set ISSUER to the server's value"
        ))
    }

    pub(super) fn audience(&self, claims: &Claims) -> Verdict {
        let words = |audience: Option<&str>| audience.map_or_else(|| "none".to_owned(), plain);
        let (theirs, ours) = (claims.aud.as_deref(), self.config.audience.as_deref());
        if theirs == ours {
            return Ok(format!("as expected: {}", words(theirs)));
        }
        Err(format!(
            "the audience is {}, but {} is expected: request a new token, or set AUDIENCE to the server's value",
            words(theirs),
            words(ours)
        ))
    }

    pub(super) fn session(&self, claims: &Claims) -> Verdict {
        let Some(session) = &self.facts.session else {
            return Err(format!(
                "session {} not found: it ended and was deleted, or DATABASE_URL is not the server's database. Sign in again",
                plain(&claims.sid)
            ));
        };
        if let Some(ended_at) = session.ended_at {
            let why = self
                .facts
                .end_reason
                .map_or("for a reason that this release does not recognize", sessions::EndReason::words);
            let ago = from_now(unix_seconds(ended_at), self.now);
            return Err(format!("session ended {ago}: {why}. Sign in again"));
        }
        if session.user_id != claims.id || session.client_id != claims.client_id {
            return Err("session belongs to another user or client: the token is forged. Request a new one".to_owned());
        }
        if self.is_shared() && claims.exp > unix_seconds(session.access_until) {
            return Err(
                "expires later than its session allows: someone with JWT_SECRET modified the token. Replace JWT_SECRET"
                    .to_owned(),
            );
        }
        Ok(format!("session started {} and is live", from_now(unix_seconds(session.created_at), self.now)))
    }

    /// Checks the user, or the client of a client-credentials token.
    pub(super) fn subject(&self, claims: &Claims) -> Verdict {
        if let (Some(id), None) = (&claims.client_id, &self.facts.client) {
            return Err(format!(
                "client {} not found: it was deleted, or DATABASE_URL is not the server's database. Use another client",
                plain(id)
            ));
        }
        let Some(id) = claims.id else {
            return match &self.facts.client {
                Some(client) if client.id == claims.sub => Ok(format!("client {}", plain(&client.name))),
                _ => Err("neither a user nor a client: the token was not issued by this server".to_owned()),
            };
        };
        let Some(user) = &self.facts.user else {
            return Err(format!("user ID {id} not found: DATABASE_URL is not the server's database"));
        };
        let ago = |at| from_now(unix_seconds(at), self.now);
        match user.state {
            UserState::Deleted(at) => {
                Err(format!("user {} was deleted {}: sign in as another user", user.username, ago(at)))
            }
            UserState::Disabled(at) => Err(format!(
                "user {0} was disabled {1}: run \"vestibule users enable {0}\", then sign in again",
                user.username,
                ago(at)
            )),
            UserState::Active if user.username != claims.sub => {
                Err(format!("user ID {id} is {}, not {}: the token is forged", user.username, plain(&claims.sub)))
            }
            UserState::Active => Ok(format!("user {} (id {id})", user.username)),
        }
    }

    pub(super) fn roles(&self, claims: &Claims) -> String {
        let words = |roles: &[String]| if roles.is_empty() { "none".to_owned() } else { plain(&roles.join(", ")) };
        if claims.roles == self.facts.roles {
            return words(&claims.roles);
        }
        format!(
            "changed since the token was issued: from {} to {}. To update it, refresh the token or sign in again",
            words(&claims.roles),
            words(&self.facts.roles)
        )
    }

    pub(super) fn scope(&self, claims: &Claims) -> Verdict {
        let Some(scope) = Scopes::parse(&claims.scope) else {
            return Err("malformed: the token was not issued by this server".to_owned());
        };
        if self.is_shared() && self.facts.session.as_ref().is_some_and(|session| !scope.is_subset(&session.scope)) {
            return Err(
                "has scopes that its session was never granted: someone with JWT_SECRET modified the token. Replace JWT_SECRET".to_owned()
            );
        }
        let words = |scope: &Scopes| if scope.is_empty() { "none".to_owned() } else { scope.to_string() };
        let left = scope.intersection(&self.facts.allowed);
        if left == scope {
            return Ok(words(&scope));
        }
        Ok(format!(
            "changed since the token was issued: from {} to {}. Run \"vestibule roles list\" to see what each role allows",
            words(&scope),
            words(&left)
        ))
    }
}
