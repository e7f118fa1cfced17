//! Measures what a hash of each algorithm costs in KiB of Argon2 that take as long: the constants of
//! `src/users/imported_hash/recipe.rs`, in hundredths of a KiB for each round.

use std::time::{Duration, Instant};

use vestibule::users::argon2id::{Cost, Hasher};
use vestibule::users::hash_pool::HashPool;
use vestibule::users::imported_hash::ImportedHash;
use vestibule::users::password::Password;
use vestibule::users::stored_hash::StoredHash;

/// Rounds, each measured in turn with the others; the fastest counts.
const REPEATS: usize = 7;
const CHEAP: Cost = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let pool = HashPool::start(1, CHEAP)?;
    let hex = "00".repeat(32);
    let argon2 = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc".to_owned();
    let bcrypt = "abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzABCDE";
    let hashes = [
        ("bcrypt", 1 << 9, format!("$2b$09${bcrypt}")),
        (
            "pbkdf2-sha1, 20 bytes",
            100_000,
            format!("$wrapped$werkzeug-pbkdf2$100000,20$c2FsdA${}", &argon2_of_8_kib()[1..]),
        ),
        ("pbkdf2-sha256, 32 bytes", 100_000, format!("pbkdf2:sha256:100000$salt${hex}")),
        ("pbkdf2-sha512, 64 bytes", 100_000, format!("pbkdf2:sha512:100000$salt${hex}{hex}")),
        ("scrypt, N × r × p", 16_384 * 8, format!("scrypt:16384:8:1$salt${hex}")),
        ("sha256-crypt", 50_000, format!("$5$rounds=50000$salt${}", "a".repeat(43))),
        ("sha512-crypt", 50_000, format!("$6$rounds=50000$salt${}", "a".repeat(86))),
        ("phpass, MD5", 1 << 16, format!("$wrapped$phpass$16,22$c2FsdHNhbHQ${}", &argon2_of_8_kib()[1..])),
        ("Drupal, SHA-512", 1 << 16, format!("$S$Esaltsalt{}", "a".repeat(43))),
    ];
    let mut fastest = vec![Duration::MAX; hashes.len() + 1];
    let texts: Vec<&String> = std::iter::once(&argon2).chain(hashes.iter().map(|(_, _, text)| text)).collect();
    for _ in 0..REPEATS {
        for (fastest, text) in fastest.iter_mut().zip(&texts) {
            let hash = match StoredHash::parse(text) {
                Some(hash) => hash,
                None => ImportedHash::parse(text, None, None)?.into_stored(&mut Hasher::default(), CHEAP),
            };
            let password = Password::parse("correct horse battery")?;
            let start = Instant::now();
            assert!(!pool.verify(password, Some(hash)).await?);
            *fastest = (*fastest).min(start.elapsed());
        }
    }
    let kib_per_second = 2.0 * 19_456.0 / fastest[0].as_secs_f64();
    println!("Argon2id, 19,456 KiB, 2 passes: {:?}", fastest[0]);
    for ((name, rounds, _), time) in hashes.iter().zip(&fastest[1..]) {
        let hundredths = time.as_secs_f64() * kib_per_second * 100.0 / f64::from(*rounds);
        println!("{name}: {hundredths:.1} hundredths of a KiB for each of {rounds} ({time:?})");
    }
    Ok(())
}

/// The outer hash of a wrapped one, of no cost.
fn argon2_of_8_kib() -> String {
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc".to_owned()
}
