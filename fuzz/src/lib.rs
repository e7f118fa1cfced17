//! The fuzz targets: a function for each parser of untrusted input, which takes any bytes and panics if a property does
//! not hold.

mod cookies;
mod requests;
mod texts;
mod tokens;
mod world;

pub use cookies::cookies;
pub use requests::{headers, parameters};
pub use texts::{names, next, seed_file, settings};
pub use tokens::access_token;

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has a program in `fuzz_targets/`, which libFuzzer runs, and a folder in `corpus/`, which
/// `tests/it/once/fuzz_corpus.rs` runs.
pub const TARGETS: [Target; 8] = [
    ("access_token", access_token),
    ("cookies", cookies),
    ("headers", headers),
    ("names", names),
    ("next", next),
    ("parameters", parameters),
    ("seed_file", seed_file),
    ("settings", settings),
];
