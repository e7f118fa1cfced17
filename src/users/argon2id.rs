//! The password hash: Argon2id (RFC 9106) in the PHC string format, computed by the crate `argon2` or `argon2-rust`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::config::PasswordConfig;
use crate::metrics;
use crate::secret::{constant_time_eq, fill_random};

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// A stored hash that needs more memory is rejected, because an imported one could exhaust the machine.
const MAX_MEMORY_KIB: u32 = 4_194_304;
const MAX_ITERATIONS: u32 = 1_000;
const MAX_PARALLELISM: u32 = 64;

/// The cost of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Cost {
    /// Whether a hash of this cost should be replaced by one of `target`: it uses less memory or fewer passes.
    #[must_use]
    pub fn is_weaker_than(self, target: Self) -> bool {
        self.memory_kib < target.memory_kib || self.iterations < target.iterations
    }
}

impl Cost {
    /// The memory that a hash of this cost fills, in KiB: its time is about proportional to that.
    #[must_use]
    pub fn work_kib(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    /// The cost of a second hash after the work of `done_kib`, with which both do the work of one of this cost, and more by less
    /// than a KiB for each pass or 8 KiB for each lane. It needs no more memory. `None` if `done_kib` is enough.
    #[must_use]
    fn rest_after(self, done_kib: u64) -> Option<Self> {
        let rest = self.work_kib().checked_sub(done_kib).filter(|rest| *rest > 0)?;
        let iterations = rest.div_ceil(u64::from(self.memory_kib)).max(1);
        let memory = rest.div_ceil(iterations).max(8 * u64::from(self.parallelism));
        let in_range = "at most the number of this cost";
        Some(Self {
            memory_kib: u32::try_from(memory).expect(in_range),
            iterations: u32::try_from(iterations).expect(in_range),
            parallelism: self.parallelism,
        })
    }
}

impl From<PasswordConfig> for Cost {
    fn from(config: PasswordConfig) -> Self {
        Self { memory_kib: config.memory_kib, iterations: config.iterations, parallelism: config.parallelism }
    }
}

/// A stored hash: `$argon2id$v=19$m=…,t=…,p=…$salt$output`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: Cost,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl PasswordHash {
    /// Parses the PHC string format; `None` unless it is an Argon2id hash of version 19 within the limits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (parameters, salt, output) = (fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() {
            return None;
        }
        let mut numbers = parameters
            .split(',')
            .zip(["m=", "t=", "p="])
            .map(|(field, name)| field.strip_prefix(name)?.parse::<u32>().ok());
        let cost = Cost { memory_kib: numbers.next()??, iterations: numbers.next()??, parallelism: numbers.next()?? };
        // Parallelism is checked first: eight times an unchecked number could overflow.
        let is_within_limits = (1..=MAX_PARALLELISM).contains(&cost.parallelism)
            && (8 * cost.parallelism..=MAX_MEMORY_KIB).contains(&cost.memory_kib)
            && (1..=MAX_ITERATIONS).contains(&cost.iterations);
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        let output = STANDARD_NO_PAD.decode(output).ok()?;
        let is_valid = is_within_limits
            && parameters.split(',').count() == 3
            && (8..=64).contains(&salt.len())
            && (16..=64).contains(&output.len());
        is_valid.then_some(Self { cost, salt, output })
    }

    /// The cost.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }
}

impl std::fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { memory_kib, iterations, parallelism } = self.cost;
        let [salt, output] = [&self.salt, &self.output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        write!(f, "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${output}")
    }
}

/// Prints only the cost: a reader of the log could attack the hash.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordHash({:?})", self.cost)
    }
}

/// Computes hashes in memory that it keeps between them.
#[derive(Default)]
pub struct Hasher {
    memory: backend::Memory,
}

impl Hasher {
    /// Hashes a new password with a random salt.
    #[must_use]
    pub fn hash(&mut self, password: &[u8], cost: Cost) -> PasswordHash {
        metrics::PASSWORD_HASHES.increment();
        let mut salt = vec![0; SALT_BYTES];
        fill_random(&mut salt);
        let mut output = vec![0; OUTPUT_BYTES];
        self.compute(password, &salt, cost, &mut output);
        PasswordHash { cost, salt, output }
    }

    /// Whether `password` matches `hash`. Without a hash it computes one of the cost `today` and returns `false`: an
    /// unknown user takes as long as a known one. After a hash that costs less than today's, it computes another one
    /// for the difference: an account that is older than the last raise of the cost takes no less.
    ///
    /// A stored hash that costs more than today's takes longer.
    #[must_use]
    pub fn verify(&mut self, password: &[u8], hash: Option<&PasswordHash>, today: Cost) -> bool {
        metrics::PASSWORD_HASHES.increment();
        let Some(hash) = hash else {
            self.compute_dummy(password, today);
            return false;
        };
        let mut output = vec![0; hash.output.len()];
        self.compute(password, &hash.salt, hash.cost, &mut output);
        self.fill_up(password, hash.cost.work_kib(), today);
        constant_time_eq(&output, &hash.output)
    }

    /// Computes a hash for its time, after another one of `done_kib` that costs less than today's.
    pub(super) fn fill_up(&mut self, password: &[u8], done_kib: u64, today: Cost) {
        if let Some(rest) = today.rest_after(done_kib) {
            self.compute_dummy(password, rest);
        }
    }

    /// Computes a hash for its time.
    fn compute_dummy(&mut self, password: &[u8], cost: Cost) {
        self.compute(password, &[0; SALT_BYTES], cost, &mut [0; OUTPUT_BYTES]);
    }

    /// Releases the kept memory.
    pub fn release(&mut self) {
        self.memory = backend::Memory::default();
    }

    fn compute(&mut self, password: &[u8], salt: &[u8], cost: Cost, output: &mut [u8]) {
        metrics::PASSWORD_HASH_WORK.add(cost.work_kib());
        backend::compute(&mut self.memory, password, salt, cost, output);
    }
}

/// A vector of the reference implementation's tests (`test.c`, Argon2id, version 0x13), for the password "password".
const VECTOR: &str = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

/// Checks on this processor that the implementation computes Argon2id: with a wrong one, no user
/// could sign in, or anyone could as any user.
///
/// # Errors
/// It does not.
pub fn check() -> std::io::Result<()> {
    let hash = PasswordHash::parse(VECTOR).expect("a valid hash");
    let mut output = vec![0; hash.output.len()];
    backend::compute(&mut backend::Memory::default(), b"password", &hash.salt, hash.cost, &mut output);
    if output == hash.output {
        return Ok(());
    }
    Err(std::io::Error::other(
        "password hashes are computed wrongly on this processor: build Vestibule without the feature argon2-rust, and report it",
    ))
}

/// A variant of Argon2 (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Variant {
    /// Data-dependent memory access.
    D,
    /// Data-independent memory access.
    I,
    /// The first half of the first pass as Argon2i, the rest as Argon2d.
    Id,
}

/// Computes a hash of any variant and version (0x10 or 0x13), as other systems store them. Argon2id of version 0x13 uses
/// the memory that `hasher` keeps.
pub(super) fn compute_argon2(
    hasher: &mut Hasher,
    variant: Argon2Variant,
    is_version_16: bool,
    password: &[u8],
    salt: &[u8],
    cost: Cost,
    output: &mut [u8],
) {
    use argon2::{Algorithm, Argon2, Params, Version};
    if variant == Argon2Variant::Id && !is_version_16 {
        return backend::compute(&mut hasher.memory, password, salt, cost, output);
    }
    let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(output.len())).expect(IN_RANGE);
    let version = if is_version_16 { Version::V0x10 } else { Version::V0x13 };
    let algorithm = match variant {
        Argon2Variant::D => Algorithm::Argon2d,
        Argon2Variant::I => Algorithm::Argon2i,
        Argon2Variant::Id => Algorithm::Argon2id,
    };
    Argon2::new(algorithm, version, params).hash_password_into(password, salt, output).expect(IN_RANGE);
}

/// The invariant behind each `expect` of both backends.
const IN_RANGE: &str = "cost, salt and output were checked against the algorithm's ranges";

#[cfg(not(all(feature = "argon2-rust", target_arch = "x86_64")))]
use with_argon2 as backend;
#[cfg(all(feature = "argon2-rust", target_arch = "x86_64"))]
use with_argon2_rust as backend;

#[cfg(any(not(all(feature = "argon2-rust", target_arch = "x86_64")), test))]
mod with_argon2 {
    use argon2::{Algorithm, Argon2, Block, Params, Version};

    use super::{Cost, IN_RANGE};

    #[derive(Default)]
    pub struct Memory(Vec<Block>);

    pub fn compute(memory: &mut Memory, password: &[u8], salt: &[u8], cost: Cost, output: &mut [u8]) {
        let params =
            Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(output.len())).expect(IN_RANGE);
        let blocks = params.block_count();
        if memory.0.len() < blocks {
            // Dropped first, so the old and the new memory are never held at once.
            memory.0 = Vec::new();
            memory.0 = vec![Block::default(); blocks];
        }
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password, salt, output, &mut memory.0[..blocks])
            .expect(IN_RANGE);
    }
}

#[cfg(all(feature = "argon2-rust", target_arch = "x86_64"))]
mod with_argon2_rust {
    use argon2_rust::params::{Memory as MemorySize, TagLen};
    use argon2_rust::{Algorithm, Argon2, Hasher, Params, Version};

    use super::{Cost, IN_RANGE};

    #[derive(Default)]
    pub struct Memory(Option<Hasher>);

    pub fn compute(memory: &mut Memory, password: &[u8], salt: &[u8], cost: Cost, output: &mut [u8]) {
        let params = Params::builder()
            .memory(MemorySize::kib(cost.memory_kib.into()))
            .passes(cost.iterations)
            .lanes(cost.parallelism)
            .tag_len(TagLen::bytes(output.len() as u64))
            .build()
            .expect(IN_RANGE);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hasher = memory.0.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        // Out of memory ends the process in most of Rust, and is an error here.
        hasher.hash_into(password, salt, output).expect("there is memory for a hash, and its cost is in range");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 32, iterations: 1, parallelism: 1 };

    #[test]
    fn hash_verifies_only_its_password_and_parses_from_its_text() {
        let mut hasher = Hasher::default();
        let hash = hasher.hash(b"right", CHEAP);
        let parsed = PasswordHash::parse(&hash.to_string()).expect("PHC string");
        assert!(parsed == hash);
        assert!(hasher.verify(b"right", Some(&parsed), CHEAP));
        assert!(!hasher.verify(b"wrong", Some(&parsed), CHEAP));
        assert!(!hasher.verify(b"right", None, CHEAP));
        assert!(!format!("{hash:?}").contains(&STANDARD_NO_PAD.encode(&hash.output)));
    }

    #[test]
    fn rest_fills_up_a_weaker_hash_to_the_cost_of_today() {
        let cost = |memory_kib, iterations| Cost { memory_kib, iterations, parallelism: 1 };
        for today in [cost(19_456, 2), cost(65_536, 3), cost(64, 1), cost(8, 1)] {
            for stored in [cost(8, 1), cost(16, 1), cost(12_288, 3), cost(19_456, 1), cost(19_456, 2), cost(65_536, 3)]
            {
                let Some(rest) = today.rest_after(stored.work_kib()) else {
                    assert!(stored.work_kib() >= today.work_kib(), "{stored:?} for {today:?}");
                    continue;
                };
                let total = stored.work_kib() + rest.work_kib();
                let longest = today.work_kib() + today.work_kib() / 1_000 + 8;
                assert!((today.work_kib()..=longest).contains(&total), "{stored:?} + {rest:?} for {today:?}");
                assert!(rest.memory_kib <= today.memory_kib, "{rest:?} for {today:?}");
            }
        }
        let lanes = Cost { memory_kib: 64, iterations: 1, parallelism: 4 };
        let rest = lanes.rest_after(60).expect("less work");
        assert_eq!((rest.memory_kib, rest.iterations), (32, 1), "Argon2 needs 8 KiB for each lane");
    }

    /// The vector of the reference implementation's tests (`test.c`, Argon2id, version 0x13).
    #[test]
    fn reference_vector_verifies() {
        check().expect("this implementation is right");
        let hash = PasswordHash::parse(VECTOR).expect("PHC string");
        assert_eq!(hash.to_string(), VECTOR);
        assert!(Hasher::default().verify(b"password", Some(&hash), CHEAP));
    }

    #[test]
    fn malformed_and_excessive_hashes_are_rejected() {
        let good = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(PasswordHash::parse(good).is_some());
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("m=64", "m=4294967295"),
            ("m=64", "m=7"),
            ("t=1", "t=0"),
            ("t=1", "t=99999"),
            ("p=1", "p=0"),
            ("p=1", "p=4294967295"),
            ("p=1", "p=1,x=1"),
            ("m=64,", ""),
            ("c29tZXNhbHQ", "c2"),
            ("c29tZXNhbHQ", "!!!!!!!!"),
            ("PPc", "PPc$x"),
        ] {
            assert!(PasswordHash::parse(&good.replacen(from, to, 1)).is_none(), "{from} → {to}");
        }
    }

    /// Ten thousand random inputs: both crates compute the same string, and each verifies the other's.
    #[cfg(all(feature = "argon2-rust", target_arch = "x86_64"))]
    #[test]
    fn both_backends_compute_the_same_hash() {
        let (mut first, mut second) = (with_argon2::Memory::default(), with_argon2_rust::Memory::default());
        for round in 0..10_000 {
            let mut random = [0; 8];
            fill_random(&mut random);
            let parallelism = 1 + u32::from(random[0] % 4);
            let cost = Cost {
                memory_kib: 8 * parallelism + u32::from(random[1] % 64),
                iterations: 1 + u32::from(random[2] % 3),
                parallelism,
            };
            let mut password = vec![0; usize::from(random[3])];
            let mut salt = vec![0; 8 + usize::from(random[4] % 25)];
            fill_random(&mut password);
            fill_random(&mut salt);
            let (mut left, mut right) = (vec![0; OUTPUT_BYTES], vec![0; OUTPUT_BYTES]);
            with_argon2::compute(&mut first, &password, &salt, cost, &mut left);
            with_argon2_rust::compute(&mut second, &password, &salt, cost, &mut right);
            let string = |output: &[u8]| PasswordHash { cost, salt: salt.clone(), output: output.to_vec() }.to_string();
            assert_eq!(string(&left), string(&right), "round {round}, {cost:?}");
            let stored = PasswordHash::parse(&string(&right)).expect("PHC string");
            with_argon2::compute(&mut first, &password, &stored.salt, stored.cost, &mut left);
            with_argon2_rust::compute(&mut second, &password, &stored.salt, stored.cost, &mut right);
            assert!(
                constant_time_eq(&left, &stored.output) && constant_time_eq(&right, &stored.output),
                "round {round}"
            );
        }
    }
}
