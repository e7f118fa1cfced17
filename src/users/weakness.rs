//! The reasons why a password is easy to guess for an attacker who knows its owner.

use std::sync::Arc;

use zxcvbn::feedback::Warning;
use zxcvbn::matching::patterns::MatchPattern;

use super::{NewUser, User};
use crate::config::Config;

/// The estimated guesses from which a password is strong enough.
const MIN_GUESSES: u64 = 1_000_000;
/// The characters at the start of a password that are estimated. The slowest ones that a search has found take 17 ms for
/// 20 characters, 24 ms for 24, 38 ms for 32 and 189 ms for 64.
const MAX_ESTIMATED_CHARACTERS: usize = 20;
/// The shortest personal word; shorter parts of a name occur in any password by chance.
const MIN_WORD_CHARACTERS: usize = 3;
/// The fewest characters that a password must have besides personal words.
const MIN_OTHER_CHARACTERS: usize = 4;
/// The most personal words, because each takes time.
const MAX_WORDS: usize = 32;

/// Passphrases that are known as examples or quotations, so an attacker tries them first. To zxcvbn they are several
/// words. Case, spaces and punctuation do not count.
const KNOWN_PASSPHRASES: [&str; 16] = [
    "correct horse battery staple",
    "correct battery horse staple",
    "the quick brown fox jumps over the lazy dog",
    "the quick brown fox",
    "to be or not to be that is the question",
    "to be or not to be",
    "may the force be with you",
    "it was the best of times",
    "it was the best of times it was the worst of times",
    "once upon a time",
    "in the beginning was the word",
    "four score and seven years ago",
    "never gonna give you up",
    "twinkle twinkle little star",
    "mary had a little lamb",
    "this is my secret password",
];

/// Why a password is easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It contains little but names and addresses of its owner or of this server.
    OwnWords,
    /// It is a common password, or similar to one.
    Common,
    /// It follows the keys of a keyboard.
    Keyboard,
    /// It repeats characters or groups of them.
    Repeats,
    /// It is a sequence of letters or digits.
    Sequence,
    /// It is a date or a year.
    Date,
    /// It is a person's name.
    Name,
    /// It is one word, or a word and a few characters.
    Word,
}

/// The owner of a password, whose names an attacker tries first.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// The username.
    pub username: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
}

impl From<&User> for Owner {
    fn from(user: &User) -> Self {
        Self { username: user.username.clone(), display_name: user.display_name.clone(), email: user.email.clone() }
    }
}

impl From<&NewUser> for Owner {
    fn from(user: &NewUser) -> Self {
        let username = user.username.as_str().to_owned();
        Self { username, display_name: user.display_name.clone(), email: user.email.clone() }
    }
}

/// The configured rules on new passwords.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The fewest code points.
    pub min_length: usize,
    /// The names of the server, which an attacker also tries first.
    site_words: Arc<[String]>,
}

impl PasswordPolicy {
    /// Takes the rules from the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut site_words = PersonalWords::default();
        site_words.add(&config.product_name);
        site_words.add(config.public_url.as_str().split_once("://").map_or("", |(_, host)| host));
        Self { min_length: config.passwords.min_length, site_words: site_words.0.into() }
    }

    /// Returns the reason why `password` is easy to guess, if it is. Takes milliseconds.
    pub(super) fn weakness(&self, password: &str, owner: &Owner) -> Option<Weakness> {
        let mut words = PersonalWords::default();
        let texts = [Some(&owner.username), owner.email.as_ref(), owner.display_name.as_ref()];
        texts.into_iter().flatten().for_each(|text| words.add(text));
        words.0.extend(self.site_words.iter().cloned());
        let mut words: Vec<&str> = words.0.iter().map(String::as_str).collect();
        // Longest first, because a word may contain a shorter one.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        if is_mostly(password, &words) {
            return Some(Weakness::OwnWords);
        }
        if is_known_passphrase(password) {
            return Some(Weakness::Common);
        }
        let start: String = password.chars().take(MAX_ESTIMATED_CHARACTERS).collect();
        let estimate = zxcvbn::zxcvbn(&start, &words);
        if estimate.guesses() >= MIN_GUESSES {
            return None;
        }
        let is_personal = |pattern: &MatchPattern| match pattern {
            MatchPattern::Dictionary(found) => words.contains(&found.matched_word.as_str()),
            _ => false,
        };
        if estimate.sequence().iter().any(|part| is_personal(&part.pattern)) {
            return Some(Weakness::OwnWords);
        }
        let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        Some(warning.map_or(Weakness::Word, Weakness::from))
    }
}

/// Whether a password consists of these words except for a few characters. For three words, zxcvbn adds a hundred
/// million guesses for their order and the signs between them: too many for an attacker who knows the words.
fn is_mostly(password: &str, words: &[&str]) -> bool {
    let rest = words.iter().fold(password.to_lowercase(), |rest, word| rest.replace(word, ""));
    rest.chars().count() < MIN_OTHER_CHARACTERS
}

/// Whether a password is a known passphrase, except for a few characters.
fn is_known_passphrase(password: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let password = plain(password);
    KNOWN_PASSPHRASES.iter().any(|passphrase| {
        let rest = password.replacen(&plain(passphrase), "", 1);
        rest.len() < password.len() && rest.chars().count() < MIN_OTHER_CHARACTERS
    })
}

impl From<Warning> for Weakness {
    fn from(warning: Warning) -> Self {
        match warning {
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword => Self::Common,
            Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => Self::Keyboard,
            Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
                Self::Repeats
            }
            Warning::SequencesLikeAbcAreEasyToGuess => Self::Sequence,
            Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => Self::Date,
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess | Warning::CommonNamesAndSurnamesAreEasyToGuess => {
                Self::Name
            }
            Warning::AWordByItselfIsEasyToGuess => Self::Word,
        }
    }
}

/// The distinct words of names and addresses, in lower case.
#[derive(Default)]
struct PersonalWords(Vec<String>);

impl PersonalWords {
    /// Adds a name or address: as a whole, without separators, and each part.
    fn add(&mut self, text: &str) {
        let text = text.to_lowercase();
        let parts = || text.split(|character: char| !character.is_alphanumeric());
        let joined: String = parts().collect();
        for word in [text.as_str(), joined.as_str()].into_iter().chain(parts()) {
            let is_new = !self.0.iter().any(|known| known == word);
            if word.chars().count() >= MIN_WORD_CHARACTERS && is_new && self.0.len() < MAX_WORDS {
                self.0.push(word.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn weakness(password: &str) -> Option<Weakness> {
        let mut settings = Settings::default();
        settings.set("PUBLIC_URL", "https://login.wunderbar.example");
        settings.set("PRODUCT_NAME", "Grand Budapest");
        let policy = PasswordPolicy::new(&settings.check().expect("settings"));
        let owner = Owner {
            username: "asmith7".to_owned(),
            display_name: Some("Ælfgifu Brandywine-Took".to_owned()),
            email: Some("zaphod.b@heartofgold.example".to_owned()),
        };
        policy.weakness(password, &owner)
    }

    #[test]
    fn passwords_of_personal_words_are_weak() {
        for password in [
            "asmith7grandbudapest",
            "Brandywine-Took",
            "brandywinetook1",
            "Heartofgold2026",
            "zaphod.b@heartofgold.example",
            "wunderbar1234",
            "budapest2026",
            "ælfgifubrandywine",
        ] {
            assert_eq!(weakness(password), Some(Weakness::OwnWords), "{password}");
        }
        assert_eq!(weakness("brandywine under a purple bridge"), None, "one personal word among others");
    }

    #[test]
    fn weak_password_has_its_reason() {
        for (password, expected) in [
            ("password1234", Weakness::Common),
            ("qwertyuiop[]", Weakness::Keyboard),
            ("aaaaaaaaaaaaaaaa", Weakness::Repeats),
            ("abcabcabcabcabc", Weakness::Repeats),
            ("abcdefghijklmnop", Weakness::Sequence),
        ] {
            assert_eq!(weakness(password), Some(expected), "{password}");
        }
        for password in ["nine violet tractors hum", "!%#)(&@^*=+_-}{", "비밀번호는길고어려운것이좋다"] {
            assert_eq!(weakness(password), None, "{password}");
        }
    }

    #[test]
    fn known_passphrase_is_common_however_it_is_written() {
        for password in [
            "correct horse battery staple",
            "Correct-Horse-Battery-Staple!",
            "correcthorsebatterystaple",
            "CORRECT HORSE, BATTERY STAPLE 123",
            "may.the.force.be.with.you",
        ] {
            assert_eq!(weakness(password), Some(Weakness::Common), "{password}");
        }
        assert_eq!(weakness("correct horse battery staple under purple rain"), None, "with words of one's own");
    }

    #[test]
    fn personal_words_are_limited() {
        let mut words = PersonalWords::default();
        words.add(&"abc def ghi ".repeat(100));
        (0..100).for_each(|index| words.add(&format!("word{index}")));
        assert_eq!(words.0.len(), MAX_WORDS);
    }
}
