//! Every format. Which software made each hash: `tests/hashes/make.py`.

use super::super::stored_hash::StoredHash;
use super::*;

const VECTORS: &str = include_str!("../../../tests/hashes/vectors.tsv");
const CHEAP: Cost = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };

/// The parameters of `tests/hashes/firebase.mjs`.
fn firebase() -> FirebaseParameters {
    FirebaseParameters::parse(include_str!("../../../tests/hashes/firebase.txt")).expect("parameters")
}

fn password(text: &str) -> Password {
    Password::parse(text).expect("a valid password")
}

fn vectors() -> impl Iterator<Item = (HashFormat, String, &'static str)> {
    VECTORS.lines().map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let format = HashFormat::parse_name(fields[0]).expect("a format");
        (format, serde_json::from_str(fields[1]).expect("a JSON string"), fields[2])
    })
}

/// As import stores it.
fn stored(hash: &ImportedHash, hasher: &mut Hasher) -> StoredHash {
    let stored = hash.clone().into_stored(hasher, CHEAP);
    assert_eq!(StoredHash::parse(&stored.to_string()), Some(stored.clone()), "{stored}");
    stored
}

#[test]
fn hash_of_each_format_verifies_its_password_only_before_and_after_it_is_stored() {
    let mut hasher = Hasher::default();
    for (format, right, text) in vectors() {
        let hash = ImportedHash::parse(text, Some(format), Some(&firebase())).expect(text);
        assert_eq!(hash.format(), format, "{text}");
        let stored = stored(&hash, &mut hasher);
        for (typed, expected) in
            [(right.clone(), true), (format!("x{right}"), false), (right.to_uppercase() + "x", false)]
        {
            // The long password is all digits, and bcrypt without a prehash reads 72 bytes.
            if !expected && format!("{typed:.72}") == format!("{right:.72}") {
                continue;
            }
            let typed = password(&typed);
            assert_eq!(hash.verify(&mut hasher, &typed), expected, "{text}: {right:?}");
            assert_eq!(StoredHash::verify(&mut hasher, &typed, Some(&stored), CHEAP), expected, "{text}: {right:?}");
        }
    }
}

#[test]
fn each_format_has_vectors_and_a_name() {
    for format in HashFormat::ALL {
        assert_eq!(HashFormat::parse_name(format.name()), Some(format));
        assert!(vectors().any(|(of, _, _)| of == format), "{}", format.name());
    }
}

#[test]
fn prefix_shows_the_format_and_a_hash_without_one_must_name_it() {
    for (format, _, text) in vectors() {
        let result = ImportedHash::parse(text, None, None).map(|hash| hash.format());
        match format {
            HashFormat::Firebase | HashFormat::BetterAuth => {
                assert_eq!(result, Err(HashRejection::FormatNeeded), "{text}");
            }
            HashFormat::KeycloakPbkdf2 => assert_eq!(result, Err(HashRejection::UnknownFormat), "{text}"),
            _ => assert_eq!(result, Ok(format), "{text}"),
        }
    }
    let text = "salt:hash";
    let needs_parameters = ImportedHash::parse(text, Some(HashFormat::Firebase), None);
    assert_eq!(needs_parameters, Err(HashRejection::ParametersNeeded));
    assert_eq!(ImportedHash::parse("$9$salt$output", None, None), Err(HashRejection::UnknownFormat));
}

#[test]
fn truncated_or_extended_hash_is_malformed() {
    for (format, _, text) in vectors() {
        for length in 0..text.len() {
            // A shorter output in base64 or hexadecimal digits can be whole.
            let Ok(hash) = ImportedHash::parse(&text[..length], Some(format), Some(&firebase())) else { continue };
            assert!(hash.output.len() >= 16, "{text:.length$}");
        }
        assert!(ImportedHash::parse(&format!("{text}$"), Some(format), Some(&firebase())).is_err(), "{text}");
        assert!(ImportedHash::parse(&format!("{text}é"), Some(format), Some(&firebase())).is_err(), "{text}");
    }
}

#[test]
fn hash_above_the_ceilings_is_rejected_at_import_and_when_it_is_read() {
    let salt = "c29tZXNhbHQ";
    let output = "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    let hex = "00".repeat(32);
    let bcrypt = "abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzABCDE";
    for (text, format) in [
        (format!("$argon2id$v=19$m=4194304,t=1,p=1${salt}${output}"), HashFormat::Argon2),
        (format!("$argon2id$v=19$m=65536,t=1000,p=1${salt}${output}"), HashFormat::Argon2),
        (format!("$2b$31${bcrypt}"), HashFormat::Bcrypt),
        (format!("pbkdf2_sha256$2000000000$salt${output}="), HashFormat::DjangoPbkdf2Sha256),
        (format!("pbkdf2:sha1:4294967295$salt${hex}"), HashFormat::WerkzeugPbkdf2),
        (format!("scrypt:1048576:8:1$salt${hex}"), HashFormat::WerkzeugScrypt),
        (format!("scrypt:32768:8:1024$salt${hex}"), HashFormat::WerkzeugScrypt),
        (format!("$6$rounds=999999999$salt${}", "a".repeat(86)), HashFormat::ShaCrypt),
        (format!("$P$Ssaltsalt{}", "a".repeat(22)), HashFormat::WordpressPhpass),
    ] {
        assert_eq!(ImportedHash::parse(&text, None, None), Err(HashRejection::TooExpensive(format)), "{text}");
        assert_eq!(StoredHash::parse(&format!("{STORED_PREFIX}{}${text}", format.name())), None, "{text}");
    }
}

#[test]
fn legacy_hash_is_not_read_back_without_wrapping_and_its_output_is_not_stored() {
    let mut hasher = Hasher::default();
    let mut count = 0;
    for (format, _, text) in vectors() {
        let hash = ImportedHash::parse(text, Some(format), Some(&firebase())).expect(text);
        if hash.needs_wrapping() {
            count += 1;
            assert_eq!(StoredHash::parse(&hash.stored_text()), None, "{text}");
            let wrapped = hash.clone().into_stored(&mut hasher, CHEAP).to_string();
            let output = String::from_utf8_lossy(&hash.output);
            assert!(!wrapped.contains(&*output) && !wrapped.contains(&encoding::to_base64(&hash.output)), "{wrapped}");
        }
        assert!(!format!("{hash:?}").contains('$'), "{hash:?}");
    }
    assert_eq!(
        count, 37,
        "phpass and md5-crypt twice, PBKDF2 with SHA-1 of five systems, four passwords each, and one with quotes"
    );
}
