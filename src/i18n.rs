//! Words: the Fluent files of `locales/`, one a language, and the choice among them.
//! `time.rs` puts moments into them. What may not live here: any text. Adding a language is adding a file.

mod time;

use std::collections::HashMap;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_langneg::{LanguageIdentifier, NegotiationStrategy, negotiate_languages};
use foldhash::fast::FixedState;
use quick_cache::sync::Cache;

pub use time::{Time, date_time};

/// What is spoken to those who ask for nothing that we have.
const DEFAULT_LANGUAGE: &str = "en";
/// A longer Accept-Language is a fault or an attack on the parser.
const MAX_ACCEPT_LANGUAGE: usize = 256;
/// Browsers send few different ones; so many choices are kept.
const CACHED_CHOICES: usize = 512;

#[derive(rust_embed::RustEmbed)]
#[folder = "locales"]
struct LocaleFiles;

static LANGUAGES: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let mut languages: Vec<Words> =
        LocaleFiles::iter().filter_map(|file| Some(Words::load(file.strip_suffix(".ftl")?))).collect();
    languages.sort_by_key(|words| (words.language != DEFAULT_LANGUAGE, words.language));
    languages
});

static AVAILABLE: LazyLock<Vec<LanguageIdentifier>> =
    LazyLock::new(|| LANGUAGES.iter().map(|words| identifier(words.language)).collect());

static CHOICES: LazyLock<Cache<String, &'static Words>> = LazyLock::new(|| Cache::new(CACHED_CHOICES));

/// The words of one language.
pub struct Words {
    language: &'static str,
    /// Messages without arguments, formatted once: a page needs a dozen of them at each request. The keys are ours, so that a fast hash
    /// serves.
    fixed: HashMap<String, String, FixedState>,
    bundle: FluentBundle<FluentResource>,
}

/// The words for a reader with this `Accept-Language` header.
#[must_use]
pub fn words_for(accept_language: Option<&str>) -> &'static Words {
    let Some(header) = accept_language.filter(|header| header.len() <= MAX_ACCEPT_LANGUAGE) else {
        return &LANGUAGES[0];
    };
    if let Some(words) = CHOICES.get(header) {
        return words;
    }
    let words = choose(header);
    CHOICES.insert(header.to_owned(), words);
    words
}

fn choose(accept_language: &str) -> &'static Words {
    let chosen = negotiate_languages(
        &parse_accept_language(accept_language),
        &AVAILABLE,
        Some(&AVAILABLE[0]),
        NegotiationStrategy::Lookup,
    );
    let chosen = chosen.first().map(ToString::to_string);
    LANGUAGES.iter().find(|words| Some(words.language) == chosen.as_deref()).unwrap_or(&LANGUAGES[0])
}

/// The languages of an `Accept-Language` header, the most wished for first and those with `q=0` left out (RFC 9110 §12.4.2).
fn parse_accept_language(header: &str) -> Vec<LanguageIdentifier> {
    let mut wishes: Vec<(f32, LanguageIdentifier)> = header
        .split(',')
        .filter_map(|part| {
            let (tag, quality) = part.split_once(';').unwrap_or((part, "q=1"));
            let quality = quality.trim().strip_prefix("q=")?.parse().ok().filter(|quality| *quality > 0.0)?;
            Some((quality, tag.trim().parse().ok()?))
        })
        .collect();
    wishes.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    wishes.into_iter().map(|(_, language)| language).collect()
}

/// The words of a language, when there is such a file.
#[must_use]
pub fn find(tag: &str) -> Option<&'static Words> {
    LANGUAGES.iter().find(|words| words.language == tag)
}

/// All languages, the default one first.
#[must_use]
pub fn languages() -> &'static [Words] {
    &LANGUAGES
}

impl Words {
    /// The language's tag, such as `en`.
    #[must_use]
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// What the language calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get("language-name")
    }

    /// A message without arguments. An unknown key is given back as it is; a test keeps that from happening.
    #[must_use]
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.fixed.get(key).map_or(key, String::as_str)
    }

    /// A message without arguments under a key that is put together; `None` when there is none.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&str> {
        self.fixed.get(key).map(String::as_str)
    }

    /// A message with arguments.
    #[must_use]
    pub fn format<'a>(&self, key: &str, arguments: &[(&'a str, FluentValue<'a>)]) -> String {
        let mut named = FluentArgs::new();
        for (name, value) in arguments {
            named.set(*name, value.clone());
        }
        self.format_with(key, Some(&named)).unwrap_or_else(|| key.to_owned())
    }

    /// All keys, for the test that compares languages.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.bundle.has_message(key)
    }

    fn format_with(&self, key: &str, arguments: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, arguments, &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }

    fn load(language: &str) -> Self {
        let language: &'static str = String::leak(language.to_owned());
        let file = LocaleFiles::get(&format!("{language}.ftl")).expect("the file was just listed");
        let text =
            String::from_utf8(file.data.into_owned()).expect("locale files are UTF-8: they are embedded and tested");
        let keys = message_keys(&text);
        let resource = FluentResource::try_new(text).unwrap_or_else(|(resource, _)| resource);
        let mut bundle =
            FluentBundle::new_concurrent(vec![language.parse().expect("locale files are named after language tags")]);
        // The marks around arguments are for mixed directions; in attributes and plain words they are only in the way.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("no key stands twice in a locale file: a test reads them all");
        let mut words = Self { language, fixed: HashMap::default(), bundle };
        words.fixed = keys.into_iter().filter_map(|key| Some((key.clone(), words.format_with(&key, None)?))).collect();
        words
    }
}

/// The keys of the messages in a Fluent file: what stands before " =" at the beginning of a line.
fn message_keys(text: &str) -> Vec<String> {
    let is_key = |key: &str| key.starts_with(|first: char| first.is_ascii_alphabetic());
    text.lines()
        .filter_map(|line| line.split_once(" ="))
        .map(|(key, _)| key.to_owned())
        .filter(|key| is_key(key))
        .collect()
}

fn identifier(language: &str) -> LanguageIdentifier {
    language.parse().expect("locale files are named after language tags")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(language: &str) -> Vec<String> {
        let file = LocaleFiles::get(&format!("{language}.ftl")).expect("listed");
        message_keys(std::str::from_utf8(&file.data).expect("UTF-8"))
    }

    #[test]
    fn every_key_is_there_in_every_language_and_parses() {
        let ours = keys(DEFAULT_LANGUAGE);
        assert!(ours.len() > 50);
        for words in languages() {
            assert_eq!(keys(words.language()), ours, "{}: the same keys in the same order", words.language());
            assert!(ours.iter().all(|key| words.has(key)), "{} parses whole", words.language());
        }
    }

    /// The names of all arguments: what stands behind `$` in the default language's file.
    fn argument_names() -> Vec<String> {
        let file = LocaleFiles::get(&format!("{DEFAULT_LANGUAGE}.ftl")).expect("listed");
        let text = String::from_utf8(file.data.into_owned()).expect("UTF-8");
        let name = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        text.split('$').skip(1).map(name).collect()
    }

    #[test]
    fn each_file_is_in_its_language() {
        let is_hangul = |character: char| ('가'..='힣').contains(&character);
        let names = argument_names();
        for words in languages() {
            // Each plural and each month comes up with one of these numbers.
            let keys = keys(words.language());
            for (key, number) in keys.iter().flat_map(|key| (1..=12).map(move |number| (key, number))) {
                let arguments: Vec<_> = names.iter().map(|name| (name.as_str(), number.into())).collect();
                let text = words.format(key, &arguments);
                assert!(text != *key, "{} {key} lacks an argument that the other language has", words.language());
                let is_korean = text.chars().any(is_hangul);
                let is_wordless = !text.chars().any(char::is_alphabetic);
                assert!(is_wordless || is_korean == (words.language() == "ko"), "{} {key}: {text}", words.language());
            }
        }
    }

    #[test]
    fn the_language_is_chosen_by_the_header() {
        for (header, language) in [
            (None, "en"),
            (Some("ko"), "ko"),
            (Some("ko-KR,ko;q=0.9,en;q=0.8"), "ko"),
            (Some("en-GB"), "en"),
            (Some("fr, ko;q=0.5"), "ko"),
            (Some("en;q=0.1, ko; q=0.9"), "ko"),
            (Some("ko;q=0, en;q=0.1"), "en"),
            (Some("ko;q=0"), "en"),
            (Some("ko;q=NaN"), "en"),
            (Some("fr"), "en"),
            (Some(""), "en"),
            (Some(";;;q=,,"), "en"),
            (Some("*"), "en"),
        ] {
            assert_eq!(words_for(header).language(), language, "{header:?}");
        }
        assert_eq!(words_for(Some(&"ko,".repeat(1_000))).language(), "en");
    }

    #[test]
    fn arguments_are_filled_in() {
        let words = words_for(None);
        let text = words.format("wait-seconds", &[("count", 1.into())]);
        assert!(text.contains('1') && !text.contains('\u{2068}'), "{text}");
    }
}
