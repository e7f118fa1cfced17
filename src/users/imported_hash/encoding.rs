//! The encodings of bytes as text in password hashes.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};

/// Unused bits at the end may be set: old versions of passlib and PHP set them in the salts of bcrypt.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);
/// The digits of phpass and Drupal.
const CRYPT_DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Decodes base64, with padding or without.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Encodes as base64 without padding.
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes passlib's base64, which has `.` for `+` and no padding.
pub fn passlib_base64(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('.', "+"))
}

/// Decodes base64 or base64url, with padding or without.
pub fn any_base64(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('-', "+").replace('_', "/"))
}

/// Decodes bcrypt's base64.
pub fn bcrypt_base64(text: &str) -> Option<Vec<u8>> {
    BCRYPT.decode(text).ok()
}

/// Encodes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The value of a digit of phpass.
pub fn crypt_digit(digit: u8) -> Option<u32> {
    let value = CRYPT_DIGITS.iter().position(|known| *known == digit)?;
    u32::try_from(value).ok()
}

/// Encodes bytes as phpass does: three bytes, the lowest bits first, are four digits.
pub fn to_crypt_digits(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = group.iter().rev().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
        for index in 0..=group.len() {
            text.push(char::from(CRYPT_DIGITS[((value >> (6 * index)) & 63) as usize]));
        }
    }
    text
}
