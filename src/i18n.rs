//! Translations: one Fluent file per language in `locales/`, and the choice by `Accept-Language`.

mod time;

use std::collections::HashMap;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_langneg::{LanguageIdentifier, NegotiationStrategy, negotiate_languages};
use foldhash::fast::FixedState;
use quick_cache::sync::Cache;

pub use time::{Time, TimeFormat, date_time};

/// The language for requests that accept none of the available ones.
const DEFAULT_LANGUAGE: &str = "en";
/// A longer `Accept-Language` is ignored: browsers send a short one, and a long one could be an attack on the parser.
const MAX_ACCEPT_LANGUAGE_BYTES: usize = 256;
/// `Accept-Language` headers whose language is cached; browsers send few different ones.
const CACHED_CHOICES: usize = 512;

#[derive(rust_embed::RustEmbed)]
#[folder = "locales"]
struct LocaleFiles;

static LANGUAGES: LazyLock<Vec<Translation>> = LazyLock::new(|| {
    let mut languages: Vec<Translation> =
        LocaleFiles::iter().filter_map(|file| Some(Translation::load(file.strip_suffix(".ftl")?))).collect();
    languages.sort_by_key(|words| (words.language != DEFAULT_LANGUAGE, words.language));
    languages
});

static AVAILABLE: LazyLock<Vec<LanguageIdentifier>> =
    LazyLock::new(|| LANGUAGES.iter().map(|words| identifier(words.language)).collect());

static CHOICES: LazyLock<Cache<String, &'static Translation>> = LazyLock::new(|| Cache::new(CACHED_CHOICES));

/// The messages of one language.
pub struct Translation {
    language: &'static str,
    /// Messages without arguments, formatted once, because every page needs a dozen of them. The hash is fast and not
    /// resistant to chosen keys: the keys come from the embedded files.
    fixed: HashMap<String, String, FixedState>,
    bundle: FluentBundle<FluentResource>,
}

/// Returns the translation for an `Accept-Language` header.
#[must_use]
pub fn words_for(accept_language: Option<&str>) -> &'static Translation {
    let Some(header) = accept_language.filter(|header| header.len() <= MAX_ACCEPT_LANGUAGE_BYTES) else {
        return &LANGUAGES[0];
    };
    if let Some(words) = CHOICES.get(header) {
        return words;
    }
    let words = choose(header);
    CHOICES.insert(header.to_owned(), words);
    words
}

fn choose(accept_language: &str) -> &'static Translation {
    let chosen = negotiate_languages(
        &parse_accept_language(accept_language),
        &AVAILABLE,
        Some(&AVAILABLE[0]),
        NegotiationStrategy::Lookup,
    );
    let chosen = chosen.first().map(ToString::to_string);
    LANGUAGES.iter().find(|words| Some(words.language) == chosen.as_deref()).unwrap_or(&LANGUAGES[0])
}

/// Returns the languages of an `Accept-Language` header by descending quality, without those of `q=0`
/// (RFC 9110 §12.4.2).
fn parse_accept_language(header: &str) -> Vec<LanguageIdentifier> {
    let mut languages: Vec<(f32, LanguageIdentifier)> = header
        .split(',')
        .filter_map(|part| {
            let (tag, quality) = part.split_once(';').unwrap_or((part, "q=1"));
            let quality = quality.trim().strip_prefix("q=")?.parse().ok().filter(|quality| *quality > 0.0)?;
            Some((quality, tag.trim().parse().ok()?))
        })
        .collect();
    languages.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    languages.into_iter().map(|(_, language)| language).collect()
}

/// Returns the translation with this language tag, if there is one.
#[must_use]
pub fn find(tag: &str) -> Option<&'static Translation> {
    LANGUAGES.iter().find(|words| words.language == tag)
}

/// Returns all translations, the default language first.
#[must_use]
pub fn languages() -> &'static [Translation] {
    &LANGUAGES
}

impl Translation {
    /// The language tag, such as `en`.
    #[must_use]
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// The language's name in the language itself.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get("language-name")
    }

    /// Returns a message without arguments, or `key` if there is none; a test checks the keys.
    #[must_use]
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.fixed.get(key).map_or(key, String::as_str)
    }

    /// Returns a message without arguments, for keys that may not exist.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&str> {
        self.fixed.get(key).map(String::as_str)
    }

    /// Returns a message with arguments, or `key` if there is none.
    #[must_use]
    pub fn format<'a>(&self, key: &str, arguments: &[(&'a str, FluentValue<'a>)]) -> String {
        let mut named = FluentArgs::new();
        for (name, value) in arguments {
            named.set(*name, value.clone());
        }
        self.format_with(key, Some(&named)).unwrap_or_else(|| key.to_owned())
    }

    /// Whether a message has this key.
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
        // Isolation marks are for text of mixed directions; in attributes and plain text they would be visible.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("no locale file has a key twice: a test loads them all");
        let mut words = Self { language, fixed: HashMap::default(), bundle };
        words.fixed = keys.into_iter().filter_map(|key| Some((key.clone(), words.format_with(&key, None)?))).collect();
        words
    }
}

/// Returns the message keys of a Fluent file: the text before ` =` of each line that starts with a letter.
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
    fn every_language_has_the_same_keys_in_the_same_order() {
        let expected = keys(DEFAULT_LANGUAGE);
        assert!(expected.len() > 50);
        for words in languages() {
            assert_eq!(keys(words.language()), expected, "{}", words.language());
            assert!(expected.iter().all(|key| words.has(key)), "{}: a message does not parse", words.language());
        }
    }

    /// The names of all arguments: the text after each `$` in the file of the default language.
    fn argument_names() -> Vec<String> {
        let file = LocaleFiles::get(&format!("{DEFAULT_LANGUAGE}.ftl")).expect("listed");
        let text = String::from_utf8(file.data.into_owned()).expect("UTF-8");
        let name = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        text.split('$').skip(1).map(name).collect()
    }

    #[test]
    fn each_file_is_written_in_its_language() {
        let is_hangul = |character: char| ('가'..='힣').contains(&character);
        let names = argument_names();
        for words in languages() {
            // These numbers select every plural form and every month.
            let keys = keys(words.language());
            for (key, number) in keys.iter().flat_map(|key| (1..=12).map(move |number| (key, number))) {
                let arguments: Vec<_> = names.iter().map(|name| (name.as_str(), number.into())).collect();
                let text = words.format(key, &arguments);
                assert!(text != *key, "{} {key}: an argument is unknown", words.language());
                let is_korean = text.chars().any(is_hangul);
                let no_letters = !text.chars().any(char::is_alphabetic);
                assert!(no_letters || is_korean == (words.language() == "ko"), "{} {key}: {text}", words.language());
            }
        }
    }

    #[test]
    fn language_follows_the_accept_language_header() {
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
    fn arguments_are_inserted_without_isolation_marks() {
        let words = words_for(None);
        let text = words.format("wait-seconds", &[("count", 1.into())]);
        assert!(text.contains('1') && !text.contains('\u{2068}'), "{text}");
    }
}
