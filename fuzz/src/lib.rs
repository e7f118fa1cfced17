//! One function for each parser of what strangers send: it takes any bytes, and panics when something does not hold that must.
//! `fuzz_targets/` hands them to libFuzzer, `tests/it/once/fuzz_corpus.rs` runs the kept inputs through the same functions on each test
//! run. `world.rs` makes what they share, `tokens.rs`, `requests.rs`, `cookies.rs` and `texts.rs` hold them.
//! What may not live here: a parser.

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

/// All of them; each has a file in `fuzz_targets/` and a folder in `corpus/`.
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
