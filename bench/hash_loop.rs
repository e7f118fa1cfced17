//! The baseline for `/token`: a process that only verifies one password, with the server's code, cost and threads.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use clap::Parser;
use vestibule::config::Settings;
use vestibule::users::argon2id::{Cost, Hasher, PasswordHash};

const PASSWORD: &[u8] = b"correct horse battery staple";

/// Prints the password hashes per second at the server's default settings
#[derive(Parser)]
struct Arguments {
    /// Seconds to measure
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let Arguments { seconds } = Arguments::parse();
    let settings = Settings::default().check()?.passwords;
    let cost = Cost::from(settings);
    let hash = Hasher::default().hash(PASSWORD, cost);
    let barrier = Barrier::new(settings.hash_threads);
    let rate: f64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..settings.hash_threads)
            .map(|_| scope.spawn(|| hashes_per_second(&barrier, &hash, cost, Duration::from_secs_f64(seconds))))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a hash does not panic")).sum()
    });
    println!("{rate:.2}");
    Ok(())
}

fn hashes_per_second(barrier: &Barrier, hash: &PasswordHash, cost: Cost, time: Duration) -> f64 {
    let mut hasher = Hasher::default();
    // Allocates the memory, which later hashes reuse.
    assert!(hasher.verify(PASSWORD, Some(hash), cost));
    barrier.wait();
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < time {
        assert!(hasher.verify(PASSWORD, Some(hash), cost));
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
