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
                    "it is not valid yet: it begins {} ({}). This machine's clock, or that of the machine that made it, is off by about {}: set both by NTP",
                    from_now(begins, self.now),
                    moment(begins),
                    words(ahead)
                ),
                () if since >= LEEWAY_SECONDS => {
                    format!("it expired {} ago ({}): refresh it, or sign in again", words(since), moment(claims.exp))
                }
                () => "a time in it lies before 1970: it is not one of ours".to_owned(),
            });
        }
        let clocks = if ahead > 0 {
            format!(
                "; it was made {} ahead of this machine's clock, which is within the {LEEWAY_SECONDS} s that clocks may differ",
                words(ahead)
            )
        } else {
            String::new()
        };
        Ok(if since >= 0 {
            format!(
                "it expired {} ago, still accepted for {}: clocks may differ by {LEEWAY_SECONDS} s. Refresh it{clocks}",
                words(since),
                words(LEEWAY_SECONDS - since)
            )
        } else {
            format!("it expires {} ({}){clocks}", from_now(claims.exp, self.now), moment(claims.exp))
        })
    }

    pub(super) fn issuer(&self, claims: &Claims) -> Verdict {
        let (theirs, ours) = (plain(&claims.iss), &self.config.issuer);
        if claims.iss == *ours {
            return Ok(format!("it is ours, {ours}"));
        }
        Err(format!(
            "another issuer made it: {theirs}, and here it is {ours}. Ask for a token at {ours}, or set ISSUER as the server has it"
        ))
    }

    pub(super) fn audience(&self, claims: &Claims) -> Verdict {
        let words = |audience: Option<&str>| audience.map_or_else(|| "nobody in particular".to_owned(), plain);
        let (theirs, ours) = (claims.aud.as_deref(), self.config.audience.as_deref());
        if theirs == ours {
            return Ok(format!("it is for {}", words(theirs)));
        }
        Err(format!(
            "it is for another audience: for {}, and here tokens are for {}. Ask for a new token, or set AUDIENCE as the server has it",
            words(theirs),
            words(ours)
        ))
    }

    pub(super) fn session(&self, claims: &Claims) -> Verdict {
        let Some(session) = &self.facts.session else {
            return Err(format!(
                "its session {} is unknown here: it ended and was cleaned away, or DATABASE_URL names another database than the server's. Sign in again",
                plain(&claims.sid)
            ));
        };
        if let Some(ended_at) = session.ended_at {
            let why = self
                .facts
                .end_reason
                .map_or("for a reason that this release does not know", sessions::EndReason::words);
            let ago = from_now(unix_seconds(ended_at), self.now);
            return Err(format!("its session ended {ago}: {why}. Sign in again"));
        }
        if session.user_id != claims.id || session.client_id != claims.client_id {
            return Err("its session is somebody else's: it was forged".to_owned());
        }
        if self.is_shared() && claims.exp > unix_seconds(session.access_until) {
            return Err(
                "it lives longer than the server gave its session: whoever holds JWT_SECRET changed it".to_owned()
            );
        }
        Ok(format!("its session began {} and goes on", from_now(unix_seconds(session.created_at), self.now)))
    }

    /// The user, or the program that acts for itself.
    pub(super) fn holder(&self, claims: &Claims) -> Verdict {
        if let (Some(id), None) = (&claims.client_id, &self.facts.client) {
            return Err(format!(
                "the program {} is unknown here, or was deleted: register it, or use another",
                plain(id)
            ));
        }
        let Some(id) = claims.id else {
            return match &self.facts.client {
                Some(client) if client.id == claims.sub => {
                    Ok(format!("it is the program {}'s own", plain(&client.name)))
                }
                _ => Err("it names neither a user nor a program: it is not one of ours".to_owned()),
            };
        };
        let Some(user) = &self.facts.user else {
            return Err(format!(
                "there is no user number {id} here: DATABASE_URL names another database than the server's"
            ));
        };
        let ago = |at| from_now(unix_seconds(at), self.now);
        match user.state {
            UserState::Deleted(at) => Err(format!("the user {} was deleted {}", user.username, ago(at))),
            UserState::Disabled(at) => Err(format!(
                "the user {0} was disabled {1}: \"vestibule users enable {0}\" turns the account on again, then sign in anew",
                user.username,
                ago(at)
            )),
            UserState::Active if user.username != claims.sub => {
                Err(format!("user number {id} is {}, not {}: it was forged", user.username, plain(&claims.sub)))
            }
            UserState::Active => Ok(format!("it speaks for {} (number {id})", user.username)),
        }
    }

    pub(super) fn roles(&self, claims: &Claims) -> String {
        let words = |roles: &[String]| if roles.is_empty() { "none".to_owned() } else { plain(&roles.join(", ")) };
        if claims.roles == self.facts.roles {
            return words(&claims.roles);
        }
        format!(
            "changed since: it says {}, and now it would be {}. Refresh it, or sign in again, to have the new ones",
            words(&claims.roles),
            words(&self.facts.roles)
        )
    }

    pub(super) fn scope(&self, claims: &Claims) -> Verdict {
        let Some(scope) = Scopes::parse(&claims.scope) else {
            return Err("its scope is malformed: it is not one of ours".to_owned());
        };
        if self.is_shared() && self.facts.session.as_ref().is_some_and(|session| !scope.is_subset(&session.scope)) {
            return Err(
                "it has scopes that its session was never granted: whoever holds JWT_SECRET changed it".to_owned()
            );
        }
        let words = |scope: &Scopes| if scope.is_empty() { "none".to_owned() } else { scope.to_string() };
        let left = scope.intersection(&self.facts.allowed);
        if left == scope {
            return Ok(words(&scope));
        }
        Ok(format!(
            "changed since: it says {}, of which now {} would be granted. \"vestibule roles list\" shows what each role allows",
            words(&scope),
            words(&left)
        ))
    }
}
