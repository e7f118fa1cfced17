//! The PRECIS profiles of usernames and passwords (RFC 8265), with the characters of today's Unicode.
//!
//! The tables that the RFC refers to end with Unicode 6.3, of 2013, in which most emoji and the rouble sign are not
//! assigned. What those tables decide stays as it is, since stored keys depend on it. The algorithm of RFC 8264 §8 decides
//! about characters that were assigned later, with today's properties.

use std::borrow::Cow;

use icu_properties::props::{DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory, NoncharacterCodePoint};
use icu_properties::{CodePointMapData, CodePointSetData};
use precis_core::profile::Rules as _;
use precis_core::{DerivedPropertyValue, Error, FreeformClass, IdentifierClass, StringClass};
use precis_profiles::{OpaqueString, UsernameCaseMapped};
use unicode_normalization::UnicodeNormalization as _;

/// Selects the form of an emoji. Keyboards differ in whether they send it.
const VARIATION_SELECTORS: [char; 2] = ['\u{fe0e}', '\u{fe0f}'];
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The canonical form of a username: `UsernameCaseMapped` (RFC 8265 §3.3). `None` if it is empty or has a character that
/// is not allowed.
pub(super) fn username_key(text: &str) -> Option<String> {
    let profile = UsernameCaseMapped::new();
    let class = Updated { class: IdentifierClass::default(), freeform: DerivedPropertyValue::SpecClassDis };
    let text = profile.width_mapping_rule(text).ok()?;
    if text.is_empty() || class.allows(&text).is_err() {
        return None;
    }
    let text = profile.case_mapping_rule(text).ok()?;
    let text = profile.normalization_rule(text).ok()?;
    let text = profile.directionality_rule(text).ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// The form of a password that is hashed: `OpaqueString` (RFC 8265 §4.2), in which emoji are complete: variation selectors
/// are removed, and U+200D may join emoji. Without this, what a telephone sends for ❤️ would be rejected.
///
/// # Errors
/// The first character that is not allowed.
pub(super) fn password_form(text: &str) -> Result<String, char> {
    let profile = OpaqueString::new();
    let class = Updated { class: FreeformClass::default(), freeform: DerivedPropertyValue::SpecClassPval };
    let text: String = text.chars().filter(|character| !VARIATION_SELECTORS.contains(character)).collect();
    class.allows(without_emoji_joiners(&text)).map_err(|error| disallowed_character(&error))?;
    let mapped = profile.additional_mapping_rule(text).and_then(|text| profile.normalization_rule(text));
    mapped.map(Cow::into_owned).map_err(|error| disallowed_character(&error))
}

/// The text without each joiner that stands before an emoji, which PRECIS allows in Indic scripts only.
fn without_emoji_joiners(text: &str) -> String {
    let emoji = CodePointSetData::new::<ExtendedPictographic>();
    let mut characters = text.chars().peekable();
    let mut rest = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        if character != ZERO_WIDTH_JOINER || !characters.peek().is_some_and(|next| emoji.contains(*next)) {
            rest.push(character);
        }
    }
    rest
}

fn disallowed_character(error: &Error) -> char {
    match error {
        Error::BadCodepoint(found) => char::from_u32(found.cp),
        Error::Invalid | Error::Unexpected(_) => None,
    }
    .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A string class of the crate, with the characters that were assigned after its tables.
struct Updated<C> {
    class: C,
    /// The value of symbols, punctuation, spaces and the like, in which the classes differ.
    freeform: DerivedPropertyValue,
}

impl<C: StringClass> StringClass for Updated<C> {
    fn get_value_from_char(&self, c: char) -> DerivedPropertyValue {
        match self.class.get_value_from_char(c) {
            DerivedPropertyValue::Unassigned => derived_property_today(c, self.freeform),
            decided => decided,
        }
    }

    fn get_value_from_codepoint(&self, cp: u32) -> DerivedPropertyValue {
        char::from_u32(cp).map_or(DerivedPropertyValue::Disallowed, |character| self.get_value_from_char(character))
    }
}

/// The algorithm of RFC 8264 §8 with today's properties, for characters without an exception or a context rule: none was
/// added after Unicode 6.3.
fn derived_property_today(character: char, freeform: DerivedPropertyValue) -> DerivedPropertyValue {
    use GeneralCategory as Category;

    let category = CodePointMapData::<Category>::new().get(character);
    if category == Category::Unassigned && !CodePointSetData::new::<NoncharacterCodePoint>().contains(character) {
        return DerivedPropertyValue::Unassigned;
    }
    if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) {
        return DerivedPropertyValue::Disallowed;
    }
    // HasCompat (RFC 8264 §9.17).
    if !std::iter::once(character).nfkc().eq([character]) {
        return freeform;
    }
    match category {
        Category::LowercaseLetter
        | Category::UppercaseLetter
        | Category::OtherLetter
        | Category::DecimalNumber
        | Category::ModifierLetter
        | Category::NonspacingMark
        | Category::SpacingMark => DerivedPropertyValue::PValid,
        Category::TitlecaseLetter
        | Category::LetterNumber
        | Category::OtherNumber
        | Category::EnclosingMark
        | Category::SpaceSeparator
        | Category::MathSymbol
        | Category::CurrencySymbol
        | Category::ModifierSymbol
        | Category::OtherSymbol
        | Category::ConnectorPunctuation
        | Category::DashPunctuation
        | Category::OpenPunctuation
        | Category::ClosePunctuation
        | Category::InitialPunctuation
        | Category::FinalPunctuation
        | Category::OtherPunctuation => freeform,
        _ => DerivedPropertyValue::Disallowed,
    }
}

#[cfg(test)]
mod tests {
    use precis_core::profile::PrecisFastInvocation as _;

    use super::*;

    /// Characters that the tables assign, and some of those that were assigned later.
    fn characters() -> impl Iterator<Item = char> {
        (0..0x3_2000).chain(0xe_0000..0xe_0200).filter_map(char::from_u32)
    }

    /// A key that changes no longer matches what is stored: its user could not sign in after an upgrade.
    #[test]
    fn what_the_tables_of_2013_allow_keeps_its_form() {
        let mut allowed = (0, 0);
        for character in characters() {
            for text in [character.to_string(), format!("a{character}b"), format!("{character}\u{5d0}1")] {
                if let Ok(key) = UsernameCaseMapped::enforce(&text) {
                    assert_eq!(username_key(&text).as_deref(), Some(&*key), "{text:?}");
                    allowed.0 += 1;
                }
                if let Ok(form) = OpaqueString::enforce(&text) {
                    assert_eq!(password_form(&text).as_deref(), Ok(&*form), "{text:?}");
                    allowed.1 += 1;
                }
            }
        }
        assert!(allowed.0 > 150_000 && allowed.1 > 300_000, "{allowed:?}");
    }

    #[test]
    fn characters_of_later_versions_are_allowed() {
        // 🙂 of 7.0 (2014), ₽ of 7.0, U+9FEB of 11.0, 🫠 of 14.0, and a family, a keycap and a red heart as telephones
        // send them.
        for text in ["🙂", "₽", "\u{9feb}", "🫠", "👩\u{200d}👩\u{200d}👧", "1\u{fe0f}\u{20e3}", "❤\u{fe0f}", "👍🏽"]
        {
            assert!(password_form(text).is_ok(), "{text:?}");
        }
        assert_eq!(password_form("❤\u{fe0f}"), password_form("❤"));
        // A CJK character of 11.0, Adlam of 9.0, and Georgian capitals of 11.0, which are mapped to small letters.
        for (text, key) in [("\u{9feb}", "\u{9feb}"), ("𞤀𞤣", "𞤢𞤣"), ("ᲗᲐ", "თა")] {
            assert_eq!(username_key(text).as_deref(), Some(key), "{text}");
        }
    }

    #[test]
    fn invisible_and_unassigned_characters_are_not_allowed() {
        // A control character, a joiner between letters, a tag, a variation selector of Mongolian, a noncharacter, a
        // private one and an unassigned one.
        for character in ['\u{7}', '\u{200d}', '\u{e0061}', '\u{180f}', '\u{fdd0}', '\u{e000}', '\u{378}'] {
            assert_eq!(password_form(&format!("a{character}b")), Err(character), "{character:?}");
            assert_eq!(username_key(&format!("a{character}b")), None, "{character:?}");
        }
        for symbol in ["🙂", "₽", "❤"] {
            assert_eq!(username_key(symbol), None, "{symbol}");
        }
    }
}
