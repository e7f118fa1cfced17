//! How the output of an imported hash is computed, and what that costs.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac, pbkdf2};
use md5::{Digest as _, Md5};

use super::encoding::{to_base64, to_crypt_digits, to_hex};
use crate::users::argon2id::{Argon2Variant, Cost, Hasher, compute_argon2};

/// The most work of an imported hash, in KiB of Argon2: about a hundred hashes of the default cost. One that needs more
/// would let a single sign-in hold a thread for longer than a client waits.
pub const MAX_WORK_KIB: u64 = 4_000_000;
/// The most memory that an imported hash needs, in KiB.
pub const MAX_MEMORY_KIB: u64 = 262_144;

/// An algorithm with its parameters and salt.
#[derive(Clone, PartialEq, Eq)]
pub enum Recipe {
    Argon2 {
        variant: Argon2Variant,
        /// Version 0x10 instead of 0x13.
        is_version_16: bool,
        cost: Cost,
        salt: Vec<u8>,
    },
    Bcrypt {
        /// `$2x$`: bytes above 0x7F are extended with their sign (CVE-2011-2483).
        is_sign_extended: bool,
        log_rounds: u32,
        salt: [u8; 16],
        prehash: Prehash,
    },
    Pbkdf2 {
        digest: Pbkdf2Digest,
        rounds: NonZeroU32,
        salt: Vec<u8>,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
    },
    /// sha256-crypt and sha512-crypt. The output is its text.
    ShaCrypt {
        is_512: bool,
        rounds: u32,
        salt: Vec<u8>,
    },
    /// phpass (MD5) and its variant of Drupal (SHA-512). The output is its text.
    Phpass {
        is_sha512: bool,
        log_rounds: u32,
        salt: Vec<u8>,
    },
    /// md5-crypt, of htpasswd (`$apr1$`) or of Unix (`$1$`). The output is its text.
    Md5Crypt {
        is_apr1: bool,
        salt: Vec<u8>,
    },
    /// scrypt with one lane, whose output is the key of a stream cipher (AES-256-CTR). The output is the stream.
    Firebase {
        log_n: u8,
        r: u32,
        salt: Vec<u8>,
    },
}

/// What bcrypt gets instead of the password, which it would cut after 72 bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum Prehash {
    /// The password.
    None,
    /// Django: SHA-256 in hexadecimal digits.
    HexSha256,
    /// passlib, version 1: SHA-256 in base64.
    Base64Sha256,
    /// passlib, version 2: HMAC-SHA256 in base64, with the text of the salt as its key.
    HmacSha256(String),
    /// WordPress: HMAC-SHA384 in base64, with the key `wp-sha384`.
    WordpressSha384,
}

/// The hash function of PBKDF2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pbkdf2Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Recipe {
    /// Whether the algorithm is based on MD5 or SHA-1.
    pub fn is_legacy(&self) -> bool {
        matches!(
            self,
            Self::Pbkdf2 { digest: Pbkdf2Digest::Sha1, .. }
                | Self::Phpass { is_sha512: false, .. }
                | Self::Md5Crypt { .. }
        )
    }

    /// The work in KiB of Argon2 that take as long, measured by `bench/imported_hashes.rs`.
    pub fn work_kib(&self, output_length: usize) -> u64 {
        let rounds_of_hundredths = |rounds: u64, hundredths: u64| (rounds.saturating_mul(hundredths) / 100).max(1);
        match self {
            Self::Argon2 { cost, .. } => cost.work_kib(),
            Self::Bcrypt { log_rounds, .. } => rounds_of_hundredths(1 << log_rounds, BCRYPT_ROUND),
            Self::Pbkdf2 { digest, rounds, .. } => {
                let (block, round) = match digest {
                    Pbkdf2Digest::Sha1 => (20, PBKDF2_SHA1_ROUND),
                    Pbkdf2Digest::Sha256 => (32, PBKDF2_SHA256_ROUND),
                    Pbkdf2Digest::Sha512 => (64, PBKDF2_SHA512_ROUND),
                };
                rounds_of_hundredths(u64::from(rounds.get()) * output_length.div_ceil(block) as u64, round)
            }
            Self::Scrypt { log_n, r, p, .. } => {
                rounds_of_hundredths((u64::from(*r) * u64::from(*p)) << log_n, SCRYPT_BLOCK)
            }
            Self::Firebase { log_n, r, .. } => rounds_of_hundredths(u64::from(*r) << log_n, SCRYPT_BLOCK),
            Self::ShaCrypt { is_512: false, rounds, .. } => rounds_of_hundredths((*rounds).into(), SHA256_CRYPT_ROUND),
            Self::ShaCrypt { is_512: true, rounds, .. } => rounds_of_hundredths((*rounds).into(), SHA512_CRYPT_ROUND),
            Self::Phpass { is_sha512: false, log_rounds, .. } => rounds_of_hundredths(1 << log_rounds, MD5_ROUND),
            Self::Md5Crypt { .. } => rounds_of_hundredths(MD5_CRYPT_ROUNDS.into(), MD5_ROUND),
            Self::Phpass { is_sha512: true, log_rounds, .. } => rounds_of_hundredths(1 << log_rounds, SHA512_ROUND),
        }
    }

    /// The memory in KiB.
    pub fn memory_kib(&self) -> u64 {
        match self {
            Self::Argon2 { cost, .. } => cost.memory_kib.into(),
            Self::Scrypt { log_n, r, p, .. } => {
                ((u64::from(*r) << log_n).saturating_add(u64::from(*r) * u64::from(*p))).saturating_mul(128) / 1024
            }
            Self::Firebase { log_n, r, .. } => (u64::from(*r) << log_n).saturating_mul(128) / 1024,
            _ => 0,
        }
    }

    /// Computes an output of `length` bytes; algorithms with a fixed length compute theirs.
    pub fn compute(&self, hasher: &mut Hasher, password: &[u8], length: usize) -> Vec<u8> {
        let mut output = vec![0; length];
        match self {
            Self::Argon2 { variant, is_version_16, cost, salt } => {
                compute_argon2(hasher, *variant, *is_version_16, password, salt, *cost, &mut output);
            }
            Self::Bcrypt { is_sign_extended, log_rounds, salt, prehash } => {
                let mut key = prehash.apply(password);
                if *is_sign_extended {
                    key = sign_extended_key(&key);
                } else {
                    key.push(0);
                }
                key.truncate(72);
                let computed = bcrypt::bcrypt(*log_rounds, *salt, &key);
                // The format drops the last byte.
                output = computed[..23].to_vec();
            }
            Self::Pbkdf2 { digest, rounds, salt } => {
                let algorithm = match digest {
                    Pbkdf2Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                    Pbkdf2Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                    Pbkdf2Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                };
                pbkdf2::derive(algorithm, *rounds, salt, password, &mut output);
            }
            Self::Scrypt { log_n, r, p, salt } => compute_scrypt(*log_n, *r, *p, password, salt, &mut output),
            Self::ShaCrypt { is_512, rounds, salt } => {
                let params = sha_crypt::Params::new(*rounds).expect(IN_RANGE);
                let bytes = if *is_512 {
                    transposed(&sha_crypt::sha512_crypt(password, salt, params), 21, [0, 1, 2])
                } else {
                    transposed(&sha_crypt::sha256_crypt(password, salt, params), 10, [0, 2, 1])
                };
                output = to_crypt_digits(&bytes).into_bytes();
            }
            Self::Phpass { is_sha512, log_rounds, salt } => {
                let bytes = if *is_sha512 {
                    let hash = |data: &[u8]| digest::digest(&digest::SHA512, data).as_ref().to_vec();
                    iterate(hash, *log_rounds, salt, password)
                } else {
                    iterate(|data| Md5::digest(data).to_vec(), *log_rounds, salt, password)
                };
                let mut text = to_crypt_digits(&bytes).into_bytes();
                // Drupal stores 55 characters only.
                text.truncate(length);
                output = text;
            }
            Self::Md5Crypt { is_apr1, salt } => {
                let magic: &[u8] = if *is_apr1 { b"$apr1$" } else { b"$1$" };
                output = to_crypt_digits(&md5_crypt(password, magic, salt)).into_bytes();
            }
            Self::Firebase { log_n, r, salt } => {
                let mut key = [0; 32];
                compute_scrypt(*log_n, *r, 1, password, salt, &mut key);
                let key = UnboundCipherKey::new(&AES_256, &key).expect("a key of 32 bytes");
                // The counter starts at zero in this scheme; each key encrypts one text.
                EncryptingKey::ctr(key)
                    .and_then(|key| {
                        key.less_safe_encrypt(&mut output, EncryptionContext::Iv128(FixedLength::from([0; 16])))
                    })
                    .expect("AES-256-CTR of a short text");
            }
        }
        output
    }
}

/// The invariant behind each `expect` on parameters.
const IN_RANGE: &str = "the parameters were checked when the hash was parsed";

// Hundredths of a KiB of Argon2 for each round, as measured by `bench/imported_hashes.rs` in a release build: in a debug
// build, some are four times as high.
const BCRYPT_ROUND: u64 = 16_000;
const PBKDF2_SHA1_ROUND: u64 = 30;
const PBKDF2_SHA256_ROUND: u64 = 33;
const PBKDF2_SHA512_ROUND: u64 = 115;
const SCRYPT_BLOCK: u64 = 96;
const SHA256_CRYPT_ROUND: u64 = 30;
const SHA512_CRYPT_ROUND: u64 = 54;
const MD5_ROUND: u64 = 37;
const SHA512_ROUND: u64 = 56;
/// md5-crypt has no parameter.
const MD5_CRYPT_ROUNDS: u32 = 1_000;

impl Prehash {
    fn apply(&self, password: &[u8]) -> Vec<u8> {
        let sha256 = || digest::digest(&digest::SHA256, password);
        let mac = |algorithm, key: &[u8]| {
            let tag = hmac::sign(&hmac::Key::new(algorithm, key), password);
            padded_base64(tag.as_ref())
        };
        match self {
            Self::None => password.to_vec(),
            Self::HexSha256 => to_hex(sha256().as_ref()).into_bytes(),
            Self::Base64Sha256 => padded_base64(sha256().as_ref()),
            Self::HmacSha256(key) => mac(hmac::HMAC_SHA256, key.as_bytes()),
            Self::WordpressSha384 => mac(hmac::HMAC_SHA384, b"wp-sha384"),
        }
    }
}

fn padded_base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = to_base64(bytes);
    text.push_str(&"=".repeat((4 - text.len() % 4) % 4));
    text.into_bytes()
}

fn compute_scrypt(log_n: u8, r: u32, p: u32, password: &[u8], salt: &[u8], output: &mut [u8]) {
    let params = scrypt::Params::new(log_n, r, p).expect(IN_RANGE);
    scrypt::scrypt(password, salt, &params, output).expect(IN_RANGE);
}

/// The 72 bytes of key material that the faulty `$2x$` makes of a password: each byte is added to its word with its sign
/// extended, and so sets the bits of those before it.
fn sign_extended_key(password: &[u8]) -> Vec<u8> {
    let mut bytes = password.iter().copied().chain([0]).cycle();
    let mut key = Vec::with_capacity(72);
    for _ in 0..18 {
        let word = bytes.by_ref().take(4).fold(0_u32, |word, byte| {
            let extended = i32::from(byte.cast_signed()).cast_unsigned();
            (word << 8) | extended
        });
        key.extend(word.to_be_bytes());
    }
    key
}

/// The bytes of a digest in the order in which sha-crypt writes them: column after column of three rows of `width` bytes.
/// Column `i` starts at the row `first_rows[i % 3]`; the last byte of a group is written first.
fn transposed(digest: &[u8], width: usize, first_rows: [usize; 3]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digest.len());
    for column in 0..width {
        for offset in (0..3).rev() {
            bytes.push(digest[column + width * ((first_rows[column % 3] + offset) % 3)]);
        }
    }
    bytes.extend_from_slice(&digest[3 * width..]);
    bytes
}

/// The rounds of phpass.
fn iterate(hash: impl Fn(&[u8]) -> Vec<u8>, log_rounds: u32, salt: &[u8], password: &[u8]) -> Vec<u8> {
    let mut state = hash(&[salt, password].concat());
    let mut data = Vec::with_capacity(state.len() + password.len());
    for _ in 0..1_u64 << log_rounds {
        data.clear();
        data.extend_from_slice(&state);
        data.extend_from_slice(password);
        state = hash(&data);
    }
    state
}

/// The order in which md5-crypt writes the bytes of its digest.
const MD5_CRYPT_ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/// The bytes of md5-crypt, in the order in which it writes them.
fn md5_crypt(password: &[u8], magic: &[u8], salt: &[u8]) -> Vec<u8> {
    let inner = Md5::digest([password, salt, password].concat());
    let mut start = [password, magic, salt].concat();
    start.extend(inner.iter().cycle().take(password.len()));
    let mut length = password.len();
    while length > 0 {
        // As it was published: a zero byte for a set bit of the length, otherwise the first byte of the password.
        start.push(if length % 2 == 1 { 0 } else { password[0] });
        length /= 2;
    }
    let mut state = Md5::digest(start);
    for round in 0..MD5_CRYPT_ROUNDS {
        let (first, last): (&[u8], &[u8]) = if round % 2 == 1 { (password, &state) } else { (&state, password) };
        let middle: [&[u8]; 2] = [if round % 3 == 0 { b"" } else { salt }, if round % 7 == 0 { b"" } else { password }];
        state = Md5::digest([first, middle[0], middle[1], last].concat());
    }
    MD5_CRYPT_ORDER.iter().map(|index| state[*index]).collect()
}
