//! Passwords, and the one rule for new ones on pages, on the command line and in seed files.

use std::fmt;

use zeroize::Zeroizing;

use super::precis;
pub use super::weakness::{Owner, PasswordPolicy, Weakness};

/// The most code points in a password.
pub const MAX_LENGTH: usize = 256;
/// The most bytes that a password of [`MAX_LENGTH`] code points can have.
const MAX_BYTES: usize = 4 * MAX_LENGTH;

/// A password in its PRECIS `OpaqueString` form (RFC 8265 §4), and as it was typed. It is hidden in `Debug` and zeroed
/// when dropped.
#[derive(Clone)]
pub struct Password {
    prepared: Zeroizing<String>,
    typed: Zeroizing<String>,
}

/// Why a password is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer code points than `PASSWORD_MIN_LENGTH`.
    #[error("a password must have at least {min} characters")]
    TooShort {
        /// `PASSWORD_MIN_LENGTH`.
        min: usize,
    },
    /// More than 256 code points.
    #[error("a password must have at most {MAX_LENGTH} characters")]
    TooLong,
    /// A character that PRECIS does not allow: invisible, unassigned or, as U+00B7, allowed in some contexts only.
    #[error("a password must not contain the character U+{:04X}", u32::from(*.0))]
    BadCharacter(char),
    /// A common password, or one that is as easy to guess.
    #[error("this password is too easy to guess: choose a longer or less common one")]
    TooCommon(Weakness),
    /// The username.
    #[error("a password must not be the username")]
    IsUsername,
}

impl Password {
    /// Prepares a password that a user signs in with.
    ///
    /// # Errors
    /// If it is empty, too long or has a character that is not allowed: no account can have such a password.
    pub fn parse(typed: &str) -> Result<Self, PasswordError> {
        // Checked first, so a megabyte of password causes no work.
        if typed.len() > MAX_BYTES || typed.chars().count() > MAX_LENGTH {
            return Err(PasswordError::TooLong);
        }
        let prepare = |text: &str| precis::password_form(text).map(Zeroizing::new).map_err(PasswordError::BadCharacter);
        let prepared = prepare(typed)?;
        // Preparing must be idempotent (RFC 8264 §7). U+0387 becomes U+00B7, which is rejected itself: a user who set a
        // password with the first could not sign in with a keyboard that sends the second.
        prepare(&prepared)?;
        if prepared.is_empty() {
            return Err(PasswordError::TooShort { min: 1 });
        }
        Ok(Self { prepared, typed: Zeroizing::new(typed.to_owned()) })
    }

    /// The bytes to hash.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.prepared.as_bytes()
    }

    /// The text as it was typed, for hashes of other systems.
    #[must_use]
    pub(super) fn typed(&self) -> &str {
        &self.typed
    }
}

/// A new password that satisfies the rules on its form. It becomes a [`Password`] on a thread of the hash pool, which
/// estimates how easy it is to guess: that takes up to 20 milliseconds, for which the event loop must not wait.
#[derive(Clone, Debug)]
pub struct ProposedPassword {
    password: Password,
    owner: Owner,
    policy: PasswordPolicy,
}

impl ProposedPassword {
    /// Checks the form of a new password for the account of `owner`: its length, its characters, and that it is not the
    /// username.
    pub fn parse(typed: &str, owner: Owner, policy: &PasswordPolicy) -> Result<Self, PasswordError> {
        let min_length = policy.min_length;
        let password = Password::parse(typed).map_err(|error| match error {
            PasswordError::TooShort { .. } => PasswordError::TooShort { min: min_length },
            error => error,
        })?;
        if password.prepared.chars().count() < min_length {
            return Err(PasswordError::TooShort { min: min_length });
        }
        if password.prepared.to_lowercase() == owner.username.to_lowercase() {
            return Err(PasswordError::IsUsername);
        }
        Ok(Self { password, owner, policy: policy.clone() })
    }

    /// Estimates its strength. Only the threads of the hash pool call it.
    pub(super) fn choose_on_this_thread(self) -> Result<Password, PasswordError> {
        let Self { password, owner, policy } = self;
        policy
            .weakness(&password.prepared, &owner)
            .map_or(Ok(password), |weakness| Err(PasswordError::TooCommon(weakness)))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn choose(typed: &str) -> Result<(), PasswordError> {
        let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
        let owner = Owner { username: "alice.smith1".to_owned(), ..Owner::default() };
        ProposedPassword::parse(typed, owner, &policy)?.choose_on_this_thread().map(drop)
    }

    #[test]
    fn weak_and_malformed_new_passwords_are_rejected() {
        assert_eq!(choose(""), Err(PasswordError::TooShort { min: 12 }));
        assert_eq!(choose("elevenchars"), Err(PasswordError::TooShort { min: 12 }));
        assert_eq!(choose(&"x".repeat(257)), Err(PasswordError::TooLong));
        assert_eq!(choose("with a \u{7} bell in"), Err(PasswordError::BadCharacter('\u{7}')));
        assert_eq!(choose("Alice.Smith1"), Err(PasswordError::IsUsername));
        assert_eq!(choose("password1234"), Err(PasswordError::TooCommon(Weakness::Common)));
        assert_eq!(choose("aaaaaaaaaaaaaaaa"), Err(PasswordError::TooCommon(Weakness::Repeats)));
        assert_eq!(choose("correct horse battery staple"), Err(PasswordError::TooCommon(Weakness::Common)));
        assert_eq!(choose("nine violet tractors hum"), Ok(()));
        assert_eq!(choose("비밀번호는길고어려운것이좋다"), Ok(()));
        assert_eq!(choose(&"long pass phrase ".repeat(15)), Ok(()));
        // Only the start is estimated, so that no password takes long.
        let weak_start = format!("{}seven violet tractors hum", "a".repeat(20));
        assert_eq!(choose(&weak_start), Err(PasswordError::TooCommon(Weakness::Repeats)));
    }

    #[test]
    fn composed_and_decomposed_text_is_the_same_password() {
        let composed = Password::parse("caf\u{e9} au lait noir").expect("a valid password");
        let decomposed = Password::parse("cafe\u{301} au lait noir").expect("a valid password");
        assert_eq!(composed.bytes(), decomposed.bytes());
    }

    #[test]
    fn password_whose_preparation_is_not_idempotent_is_rejected() {
        for middle_dot in ["long enough \u{387} as it is", "long enough \u{b7} as it is"] {
            assert_eq!(
                Password::parse(middle_dot).map(drop),
                Err(PasswordError::BadCharacter('\u{b7}')),
                "{middle_dot}"
            );
        }
    }
}
