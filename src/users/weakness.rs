//! How soon a guesser who knows the person reaches a password, and why so soon. What may not live here: the other rules on passwords
//! (`password.rs`), and the words in which people are told (`web::new_password`).

use zxcvbn::feedback::Warning;
use zxcvbn::matching::patterns::MatchPattern;

use super::{NewUser, User};
use crate::config::Config;

/// A password that a guesser reaches in fewer tries than this is as good as on a list of common ones.
const LEAST_GUESSES: u64 = 1_000_000;
/// Guessing is judged by this many characters: its cost grows with the square of the length.
const JUDGED_CHARACTERS: usize = 64;
/// Shorter pieces of a name turn up in any password by chance.
const LEAST_WORD: usize = 3;
/// With fewer characters beside them, such words are nearly the whole password.
const LEAST_BESIDE: usize = 4;
/// The most words about a person that are held against a password; each costs time.
const MAX_WORDS: usize = 32;

/// Why a password is guessed soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It holds little but the person's names and addresses, or those of this server.
    OwnWords,
    /// It is on lists of passwords that were stolen elsewhere, or close to one that is.
    Common,
    /// It follows the keys of a keyboard.
    Keyboard,
    /// It says the same again and again.
    Repeats,
    /// It counts, or goes through the alphabet.
    Sequence,
    /// It is a date or a year.
    Date,
    /// It is a name of people.
    Name,
    /// It is one word, or too little beside it.
    Word,
}

/// Whom a password is for: what they are called is what is tried first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner<'a> {
    /// The account's name.
    pub username: &'a str,
    /// What the person is called.
    pub display_name: Option<&'a str>,
    /// Where mail reaches them.
    pub email: Option<&'a str>,
}

impl<'a> From<&'a User> for Owner<'a> {
    fn from(user: &'a User) -> Self {
        Self { username: &user.username, display_name: user.display_name.as_deref(), email: user.email.as_deref() }
    }
}

impl<'a> From<&'a NewUser> for Owner<'a> {
    fn from(user: &'a NewUser) -> Self {
        let username = user.username.as_str();
        Self { username, display_name: user.display_name.as_deref(), email: user.email.as_deref() }
    }
}

/// What the settings say of new passwords.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The fewest code points.
    pub min_length: usize,
    /// What the server is called: tried first as well.
    site_words: Vec<String>,
}

impl PasswordPolicy {
    /// From the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut site_words = Words::default();
        site_words.add(&config.product_name);
        site_words.add(config.public_url.as_str().split_once("://").map_or("", |(_, host)| host));
        Self { min_length: config.passwords.min_length, site_words: site_words.0 }
    }

    /// Why `password` is guessed soon; `None` when it is not.
    pub(super) fn weakness(&self, password: &str, owner: &Owner<'_>) -> Option<Weakness> {
        let mut words = Words::default();
        [Some(owner.username), owner.email, owner.display_name].into_iter().flatten().for_each(|text| words.add(text));
        words.0.extend(self.site_words.iter().cloned());
        let mut words: Vec<&str> = words.0.iter().map(String::as_str).collect();
        // What is shorter may be part of what is longer.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        if is_little_beside(password, &words) {
            return Some(Weakness::OwnWords);
        }
        let judged: String = password.chars().take(JUDGED_CHARACTERS).collect();
        let guess = zxcvbn::zxcvbn(&judged, &words);
        if guess.guesses() >= LEAST_GUESSES {
            return None;
        }
        let is_own = |pattern: &MatchPattern| match pattern {
            MatchPattern::Dictionary(found) => words.contains(&found.matched_word.as_str()),
            _ => false,
        };
        if guess.sequence().iter().any(|part| is_own(&part.pattern)) {
            return Some(Weakness::OwnWords);
        }
        let warning = guess.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        Some(warning.map_or(Weakness::Word, Weakness::from))
    }
}

/// Whether a password has hardly a character that is not part of these words. zxcvbn takes the order of three words and the
/// signs between them for a hundred million guesses, which they are not for somebody who knows the person.
fn is_little_beside(password: &str, words: &[&str]) -> bool {
    let rest = words.iter().fold(password.to_lowercase(), |rest, word| rest.replace(word, ""));
    rest.chars().count() < LEAST_BESIDE
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

/// Words in lower case, each once.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    /// Adds a name or address as a whole, without what stands between its pieces, and each of these.
    fn add(&mut self, text: &str) {
        let text = text.to_lowercase();
        let pieces = || text.split(|character: char| !character.is_alphanumeric());
        let joined: String = pieces().collect();
        for word in [text.as_str(), joined.as_str()].into_iter().chain(pieces()) {
            let is_new = !self.0.iter().any(|known| known == word);
            if word.chars().count() >= LEAST_WORD && is_new && self.0.len() < MAX_WORDS {
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
            username: "asmith7",
            display_name: Some("Ælfgifu Brandywine-Took"),
            email: Some("zaphod.b@heartofgold.example"),
        };
        policy.weakness(password, &owner)
    }

    #[test]
    fn what_is_known_of_the_person_and_the_server_is_tried_first() {
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
        assert_eq!(weakness("brandywine under a purple bridge"), None, "one such word among others is no harm");
    }

    #[test]
    fn each_weakness_is_named() {
        for (password, expected) in [
            ("password1234", Weakness::Common),
            ("qwertyuiop[]", Weakness::Keyboard),
            ("aaaaaaaaaaaaaaaa", Weakness::Repeats),
            ("abcabcabcabcabc", Weakness::Repeats),
            ("abcdefghijklmnop", Weakness::Sequence),
        ] {
            assert_eq!(weakness(password), Some(expected), "{password}");
        }
        for password in ["correct horse battery staple", "!%#)(&@^*=+_-}{", "비밀번호는길고어려운것이좋다"]
        {
            assert_eq!(weakness(password), None, "{password}");
        }
    }

    #[test]
    fn words_about_a_person_are_bounded() {
        let mut words = Words::default();
        words.add(&"abc def ghi ".repeat(100));
        (0..100).for_each(|number| words.add(&format!("word{number}")));
        assert_eq!(words.0.len(), MAX_WORDS);
    }
}
