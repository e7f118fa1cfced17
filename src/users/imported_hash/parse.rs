//! Reads the texts of the formats. `None` means that a text is malformed.

use std::num::NonZeroU32;

use super::HashFormat;
use super::encoding::{base64, bcrypt_base64, crypt_digit, passlib_base64};
use super::recipe::{Pbkdf2Digest, Prehash, Recipe};
use crate::secret::from_hex;
use crate::users::argon2id::{Argon2Variant, Cost};

/// The most bytes of a salt.
const MAX_SALT: usize = 256;
/// The most bytes of an output.
const MAX_OUTPUT: usize = 128;

/// A recipe and its output.
pub type Parsed = Option<(Recipe, Vec<u8>)>;

/// Reads a hash of this format.
pub fn parse(text: &str, format: HashFormat) -> Parsed {
    let parsed = match format {
        HashFormat::Argon2 => argon2(text),
        HashFormat::Bcrypt => bcrypt(text, Prehash::None),
        HashFormat::DjangoArgon2 => argon2(text.strip_prefix("argon2")?),
        HashFormat::DjangoBcrypt => bcrypt(text.strip_prefix("bcrypt$")?, Prehash::None),
        HashFormat::DjangoBcryptSha256 => bcrypt(text.strip_prefix("bcrypt_sha256$")?, Prehash::HexSha256),
        HashFormat::DjangoPbkdf2Sha256 => django_pbkdf2(text.strip_prefix("pbkdf2_sha256$")?, Pbkdf2Digest::Sha256),
        HashFormat::DjangoPbkdf2Sha1 => django_pbkdf2(text.strip_prefix("pbkdf2_sha1$")?, Pbkdf2Digest::Sha1),
        HashFormat::DjangoScrypt => {
            let [n, salt, r, p, output] = fields(text.strip_prefix("scrypt$")?, '$')?;
            scrypt(log2(number(n)?)?, number(r)?, number(p)?, salt.into(), base64(output)?)
        }
        HashFormat::PasslibPbkdf2 => {
            let [digest, rounds, salt, output] = fields(text.strip_prefix('$')?, '$')?;
            let digest = pbkdf2_digest(digest.strip_prefix("pbkdf2")?.strip_prefix('-').unwrap_or("sha1"))?;
            pbkdf2(digest, rounds, passlib_base64(salt)?, passlib_base64(output)?)
        }
        HashFormat::PasslibBcryptSha256 => passlib_bcrypt_sha256(text.strip_prefix("$bcrypt-sha256$")?),
        HashFormat::PasslibScrypt => {
            let [parameters, salt, output] = fields(text.strip_prefix("$scrypt$")?, '$')?;
            let [log_n, r, p] = fields(parameters, ',')?;
            let log_n = number(log_n.strip_prefix("ln=")?)?;
            let [r, p] = [r.strip_prefix("r=")?, p.strip_prefix("p=")?];
            scrypt(u8::try_from(log_n).ok()?, number(r)?, number(p)?, base64(salt)?, base64(output)?)
        }
        HashFormat::ShaCrypt => sha_crypt(text),
        HashFormat::WerkzeugScrypt => {
            let [parameters, salt, output] = fields(text, '$')?;
            let [_, n, r, p] = fields(parameters, ':')?;
            scrypt(log2(number(n)?)?, number(r)?, number(p)?, salt.into(), from_hex(output)?)
        }
        HashFormat::WerkzeugPbkdf2 => {
            let [parameters, salt, output] = fields(text, '$')?;
            let [_, digest, rounds] = fields(parameters, ':')?;
            pbkdf2(pbkdf2_digest(digest)?, rounds, salt.into(), from_hex(output)?)
        }
        HashFormat::Wordpress => bcrypt(text.strip_prefix("$wp")?, Prehash::WordpressSha384),
        HashFormat::WordpressPhpass | HashFormat::Phpass => {
            let rest = text.strip_prefix("$P$").or_else(|| text.strip_prefix("$H$"))?;
            phpass(rest, false, 22)
        }
        HashFormat::Md5Crypt => md5_crypt(text),
        HashFormat::Drupal => phpass(text.strip_prefix("$S$")?, true, 43),
        HashFormat::AspnetIdentity => aspnet_identity(&base64(text)?),
        HashFormat::KeycloakPbkdf2 => {
            let [algorithm, rounds, salt, output] = fields(text, '$')?;
            let digest = algorithm.strip_prefix("pbkdf2")?;
            let digest = pbkdf2_digest(digest.strip_prefix('-').unwrap_or("sha1"))?;
            pbkdf2(digest, rounds, base64(salt)?, base64(output)?)
        }
        HashFormat::Firebase => firebase(text),
        HashFormat::BetterAuth => {
            let [salt, output] = fields(text, ':')?;
            // The salt is its text, not the bytes that its digits stand for.
            from_hex(salt)?;
            scrypt(14, 16, 1, salt.into(), from_hex(output)?)
        }
    };
    parsed.filter(|(_, output)| (16..=MAX_OUTPUT).contains(&output.len()))
}

/// The fields of a text, if it has exactly `N`.
fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    // Bounded: a text with more fields is malformed anyway.
    text.splitn(N + 1, separator).collect::<Vec<_>>().try_into().ok()
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The logarithm of a power of two.
fn log2(number: u32) -> Option<u8> {
    (number.is_power_of_two() && number > 1).then(|| u8::try_from(number.ilog2()).ok())?
}

fn argon2(text: &str) -> Parsed {
    let rest = text.strip_prefix("$argon2")?;
    let (variant, rest) = rest.split_once('$')?;
    let variant = match variant {
        "d" => Argon2Variant::D,
        "i" => Argon2Variant::I,
        "id" => Argon2Variant::Id,
        _ => return None,
    };
    // Hashes of version 0x10 do not name it.
    let (is_version_16, rest) = match rest.strip_prefix("v=19$") {
        Some(rest) => (false, rest),
        None => (true, rest.strip_prefix("v=16$").unwrap_or(rest)),
    };
    let [parameters, salt, output] = fields(rest, '$')?;
    let [memory, iterations, parallelism] = fields(parameters, ',')?;
    let cost = Cost {
        memory_kib: number(memory.strip_prefix("m=")?)?,
        iterations: number(iterations.strip_prefix("t=")?)?,
        parallelism: number(parallelism.strip_prefix("p=")?)?,
    };
    let salt = base64(salt)?;
    // Parallelism is checked first: eight times an unchecked number could overflow.
    let is_valid = (1..=64).contains(&cost.parallelism)
        && cost.memory_kib >= 8 * cost.parallelism
        && cost.iterations >= 1
        && (8..=MAX_SALT).contains(&salt.len());
    is_valid.then_some((Recipe::Argon2 { variant, is_version_16, cost, salt }, base64(output)?))
}

fn bcrypt(text: &str, prehash: Prehash) -> Parsed {
    let text = text.strip_prefix("{bcrypt}").unwrap_or(text);
    let [empty, version, log_rounds, rest] = fields(text, '$')?;
    if !empty.is_empty() || !matches!(version, "2a" | "2b" | "2x" | "2y") || !rest.is_ascii() || rest.len() != 53 {
        return None;
    }
    let (salt, output) = rest.split_at(22);
    bcrypt_recipe(version == "2x", log_rounds, salt, output, prehash)
}

fn bcrypt_recipe(is_sign_extended: bool, log_rounds: &str, salt: &str, output: &str, prehash: Prehash) -> Parsed {
    let log_rounds = number(log_rounds).filter(|rounds| (4..=31).contains(rounds))?;
    let salt = bcrypt_base64(salt)?.try_into().ok()?;
    let output = bcrypt_base64(output).filter(|output| output.len() == 23)?;
    Some((Recipe::Bcrypt { is_sign_extended, log_rounds, salt, prehash }, output))
}

fn passlib_bcrypt_sha256(text: &str) -> Parsed {
    let [parameters, salt, output] = fields(text, '$')?;
    let (log_rounds, prehash) = if let Some(rest) = parameters.strip_prefix("v=2,") {
        let [_, rounds] = fields::<2>(rest, ',').filter(|[version, _]| matches!(*version, "t=2a" | "t=2b"))?;
        (rounds.strip_prefix("r=")?, Prehash::HmacSha256(salt.to_owned()))
    } else {
        let [_, rounds] = fields::<2>(parameters, ',').filter(|[version, _]| matches!(*version, "2a" | "2b"))?;
        (rounds, Prehash::Base64Sha256)
    };
    bcrypt_recipe(false, log_rounds, salt, output, prehash)
}

fn pbkdf2_digest(name: &str) -> Option<Pbkdf2Digest> {
    match name {
        "sha1" => Some(Pbkdf2Digest::Sha1),
        "sha256" => Some(Pbkdf2Digest::Sha256),
        "sha512" => Some(Pbkdf2Digest::Sha512),
        _ => None,
    }
}

fn pbkdf2(digest: Pbkdf2Digest, rounds: &str, salt: Vec<u8>, output: Vec<u8>) -> Parsed {
    let rounds = NonZeroU32::new(number(rounds)?)?;
    (salt.len() <= MAX_SALT).then_some((Recipe::Pbkdf2 { digest, rounds, salt }, output))
}

fn django_pbkdf2(text: &str, digest: Pbkdf2Digest) -> Parsed {
    let [rounds, salt, output] = fields(text, '$')?;
    pbkdf2(digest, rounds, salt.into(), base64(output)?)
}

fn scrypt(log_n: u8, r: u32, p: u32, salt: Vec<u8>, output: Vec<u8>) -> Parsed {
    // Above these, the ceilings on work and memory apply anyway; below, no product overflows.
    let is_valid = (1..=30).contains(&log_n) && (1..=1024).contains(&r) && (1..=1024).contains(&p);
    (is_valid && salt.len() <= MAX_SALT).then_some((Recipe::Scrypt { log_n, r, p, salt }, output))
}

fn sha_crypt(text: &str) -> Parsed {
    let (is_512, rest) = match text.strip_prefix("$6$") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("$5$")?),
    };
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => rest.split_once('$').and_then(|(rounds, rest)| Some((number(rounds)?, rest)))?,
        None => (5_000, rest),
    };
    let [salt, output] = fields(rest, '$')?;
    let is_valid =
        (1_000..=999_999_999).contains(&rounds) && salt.len() <= 16 && output.len() == if is_512 { 86 } else { 43 };
    is_valid.then_some((Recipe::ShaCrypt { is_512, rounds, salt: salt.into() }, output.into()))
}

fn md5_crypt(text: &str) -> Parsed {
    let (is_apr1, rest) = match text.strip_prefix("$apr1$") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("$1$")?),
    };
    let [salt, output] = fields(rest, '$')?;
    let is_valid = salt.len() <= 8 && output.len() == 22;
    is_valid.then_some((Recipe::Md5Crypt { is_apr1, salt: salt.into() }, output.into()))
}

fn phpass(text: &str, is_sha512: bool, output_length: usize) -> Parsed {
    let bytes = text.as_bytes();
    if bytes.len() != 9 + output_length {
        return None;
    }
    let log_rounds = crypt_digit(bytes[0]).filter(|rounds| (7..=30).contains(rounds))?;
    let (salt, output) = bytes[1..].split_at(8);
    Some((Recipe::Phpass { is_sha512, log_rounds, salt: salt.to_vec() }, output.to_vec()))
}

/// Version 3: 1, then digest, rounds and length of the salt as big-endian numbers of 32 bits, salt, output. Version 2:
/// 0, a salt of 16 bytes, an output of 32; PBKDF2 with SHA-1 and 1,000 rounds.
fn aspnet_identity(bytes: &[u8]) -> Parsed {
    let (version, rest) = bytes.split_first()?;
    if *version == 0 && rest.len() == 48 {
        let (salt, output) = rest.split_at(16);
        return pbkdf2(Pbkdf2Digest::Sha1, "1000", salt.to_vec(), output.to_vec());
    }
    let (header, rest) = (*version == 1).then(|| rest.split_first_chunk::<12>())??;
    let number = |index: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[4 * index + byte]));
    let digest = match number(0) {
        0 => Pbkdf2Digest::Sha1,
        1 => Pbkdf2Digest::Sha256,
        2 => Pbkdf2Digest::Sha512,
        _ => return None,
    };
    let (salt, output) = rest.split_at_checked(number(2) as usize)?;
    pbkdf2(digest, &number(1).to_string(), salt.to_vec(), output.to_vec())
}

/// `memory$rounds$salt$stream`, as [`FirebaseParameters`](super::FirebaseParameters) makes it of an exported hash.
fn firebase(text: &str) -> Parsed {
    let [log_n, r, salt, stream] = fields(text, '$')?;
    let (log_n, r, salt) = (u8::try_from(number(log_n)?).ok()?, number(r)?, base64(salt)?);
    let is_valid = (1..=30).contains(&log_n) && (1..=1024).contains(&r) && salt.len() <= MAX_SALT;
    is_valid.then_some((Recipe::Firebase { log_n, r, salt }, base64(stream)?))
}
