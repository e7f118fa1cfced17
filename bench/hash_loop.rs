//! What `/token` is measured against: a process that does nothing but check one password, over and over, by the code that the server
//! runs (`users::argon2id`): the same crate, flags, default cost, number of threads, and memory kept from one hash to the next.
//! What may not live here: another way to call the crate.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use clap::Parser;
use vestibule::config::Settings;
use vestibule::users::argon2id::{Cost, Hasher, PasswordHash};

const PASSWORD: &[u8] = b"correct horse battery staple";

/// Prints password hashes a second, at the server's default settings
#[derive(Parser)]
struct Arguments {
    /// How long to count
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let Arguments { seconds } = Arguments::parse();
    let settings = Settings::default().check()?.passwords;
    let cost = Cost::from(settings);
    let hash = Hasher::default().hash(PASSWORD, cost);
    let start = Barrier::new(settings.hash_threads);
    let rate: f64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..settings.hash_threads)
            .map(|_| scope.spawn(|| hashes_a_second(&start, &hash, cost, Duration::from_secs_f64(seconds))))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a hash does not panic")).sum()
    });
    println!("{rate:.2}");
    Ok(())
}

fn hashes_a_second(start: &Barrier, hash: &PasswordHash, cost: Cost, time: Duration) -> f64 {
    let mut hasher = Hasher::default();
    // Takes the memory.
    assert!(hasher.verify(PASSWORD, Some(hash), cost));
    start.wait();
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < time {
        assert!(hasher.verify(PASSWORD, Some(hash), cost));
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}
