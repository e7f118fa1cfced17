//! The rules on usernames that people choose themselves, beyond those on all usernames: no reserved name, and no name
//! that looks like another one (UTS #39).

use std::collections::HashSet;

use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

use super::Username;
use super::skeleton::skeleton;
use crate::config::Config;

/// Names that look privileged: administrators, the mailboxes of RFC 2142, and accounts of operating systems.
const RESERVED: [&str; 44] = [
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "billing",
    "daemon",
    "everyone",
    "ftp",
    "guest",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "login",
    "mailerdaemon",
    "marketing",
    "me",
    "moderator",
    "news",
    "nobody",
    "noc",
    "noreply",
    "null",
    "operator",
    "owner",
    "postmaster",
    "root",
    "sales",
    "security",
    "service",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "usenet",
    "uucp",
    "webmaster",
    "www",
    "관리자",
];

/// Why a person may not choose a username. An administrator may give it to them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// It is a reserved name, or looks like one.
    #[error("looks like a reserved name: people may take it for an account of the administrators")]
    Reserved,
    /// It has characters that the Highly Restrictive level of UTS #39 §5.2 does not allow together, or at all.
    #[error("mixes writing systems, or has characters that are unusual in names: it may be mistaken for another name")]
    UnusualCharacters,
    /// It looks like the name of an existing user, which may be deleted.
    #[error("looks like the existing username {0}")]
    Similar(String),
}

/// The configured rules on usernames that people choose.
#[derive(Clone, Debug)]
pub struct NamePolicy {
    /// The reserved names, as [`reserved_form`] gives them.
    reserved: HashSet<String>,
}

impl NamePolicy {
    /// Takes the reserved names from the settings, in addition to those that always are.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let names = RESERVED.into_iter().chain(config.reserved_usernames.iter().map(String::as_str));
        let forms = names.chain([config.product_name.as_str()]).map(reserved_form);
        Self { reserved: forms.filter(|form| !form.is_empty()).collect() }
    }

    /// Checks a username that a person has chosen. Names of existing users are not compared: see
    /// [`list_similar`](super::list_similar).
    pub fn check(&self, username: &Username) -> Result<(), NameProblem> {
        if self.reserved.contains(&reserved_form(username.key())) {
            return Err(NameProblem::Reserved);
        }
        // These two may be in any username, and the level would be "unrestricted" with them.
        let letters: String = username.as_str().chars().filter(|character| !"+@".contains(*character)).collect();
        if letters.check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            Ok(())
        } else {
            Err(NameProblem::UnusualCharacters)
        }
    }
}

/// The form in which reserved names are compared: what the letters and digits of a name look like.
fn reserved_form(name: &str) -> String {
    let letters: String = name.chars().filter(|character| character.is_alphanumeric()).collect();
    skeleton(&letters.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn check(name: &str) -> Result<(), NameProblem> {
        let mut settings = Settings::default();
        settings.set("RESERVED_USERNAMES", "ceo, Board.Member");
        settings.set("PRODUCT_NAME", "Grand Hotel");
        let policy = NamePolicy::new(&settings.check().expect("settings"));
        policy.check(&Username::parse(name, Some(name)).expect(name))
    }

    #[test]
    fn reserved_names_and_their_lookalikes_are_rejected() {
        for name in [
            "admin",
            "Admin",
            "a.d-min",
            "_root_",
            "r00t",
            "ａｄｍｉｎ",
            "\u{430}dmin",
            "Postmaster",
            "no-reply",
            "관리자",
            "CEO",
            "boardmember",
            "grand-hotel",
        ] {
            assert_eq!(check(name), Err(NameProblem::Reserved), "{name}");
        }
        for name in ["administer", "rooty", "adminka", "ceoline"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn mixed_writing_systems_are_rejected_unless_they_are_written_together() {
        for name in ["\u{430}lice", "p\u{430}ypal", "alice\u{3b1}", "hana\u{e01}", "ᚠᚢᚦ", "ｆｕｌｌ"] {
            assert_eq!(check(name), Err(NameProblem::UnusualCharacters), "{name}");
        }
        for name in
            ["mina미나", "홍길동", "алиса", "山田taro", "たなか太郎", "नमस्ते", "étienne", "o.k_-+1", "hana@example.com"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }
}
