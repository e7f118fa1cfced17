//! The hashes that are verified for unknown names, in the shares of the stored hashes that are not of today's settings.
//!
//! A hash of today's settings for each unknown name would show who has another one: an imported hash, for example. A
//! cheaper one is filled up with a second hash, and still takes a slightly different time. The share of unknown names
//! whose hash is of a class is that of the users who have one of it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::argon2id::Cost;
use super::stored_hash::StoredHash;

/// The most classes. Hashes of further ones count as hashes of today's cost.
const MAX_CLASSES: usize = 64;

/// The current mix. Cheap to clone; all clones share it.
#[derive(Clone, Default)]
pub struct Decoys(Arc<RwLock<DecoyMix>>);

/// The classes of stored hashes that are not of today's settings.
#[derive(Default)]
pub struct DecoyMix {
    /// An example of each class, and how many users have such a hash.
    classes: Vec<(StoredHash, u64)>,
    /// The users who have a password.
    total: u64,
}

impl Decoys {
    /// Replaces the mix.
    pub fn set(&self, mix: DecoyMix) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = mix;
    }

    /// The hash to verify for the unknown name with this HMAC, the same at each attempt as long as the mix is; `None` for
    /// a hash of today's cost. The result of verifying it is of no meaning.
    #[must_use]
    pub fn choose(&self, hmac: &[u8; 32]) -> Option<StoredHash> {
        let mix = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (number, _) = hmac.split_first_chunk().expect("an HMAC has 32 bytes");
        // Below the total, in proportion: with a remainder, each new user would change the class of every name.
        let scaled = (u128::from(u64::from_be_bytes(*number)) * u128::from(mix.total)) >> 64;
        let mut position = u64::try_from(scaled).expect("less than the total");
        for (hash, count) in &mix.classes {
            match position.checked_sub(*count) {
                None => return Some(hash.clone()),
                Some(rest) => position = rest,
            }
        }
        None
    }
}

impl DecoyMix {
    /// An empty mix of `total` users with a password.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self { classes: Vec::new(), total }
    }

    /// Counts hashes that are not of `today`. Two of the same format and work are of one class.
    pub fn add(&mut self, hashes: impl IntoIterator<Item = StoredHash>, today: Cost) {
        let kind = |hash: &StoredHash| (hash.format_name(), hash.work_kib());
        let mut indexes: HashMap<_, _> =
            self.classes.iter().enumerate().map(|(index, (hash, _))| (kind(hash), index)).collect();
        for hash in
            hashes.into_iter().filter(|hash| hash.work_kib() > today.work_kib() || hash.should_be_replaced(today))
        {
            if let Some(index) = indexes.get(&kind(&hash)) {
                self.classes[*index].1 += 1;
            } else if self.classes.len() < MAX_CLASSES {
                indexes.insert(kind(&hash), self.classes.len());
                self.classes.push((hash, 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_unknown_names_is_that_of_users_with_another_hash() {
        let today = Cost { memory_kib: 16, iterations: 1, parallelism: 1 };
        let hash = |memory: u32| {
            let text =
                format!("$argon2id$v=19$m={memory},t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc");
            StoredHash::parse(&text).expect("a hash")
        };
        let mut mix = DecoyMix::new(100);
        mix.add((0..10).map(|_| hash(32)).chain((0..30).map(|_| hash(64))), today);
        mix.add((0..20).map(|_| hash(64)).chain((0..30).map(|_| hash(16))).chain((0..10).map(|_| hash(8))), today);
        let decoys = Decoys::default();
        assert!(decoys.choose(&[0xFF; 32]).is_none(), "without users");
        decoys.set(mix);
        let mut counts = HashMap::new();
        for name in 0_u64..100 {
            let mut hmac = [0; 32];
            hmac[..8].copy_from_slice(&(name * (u64::MAX / 100) + 1_000).to_be_bytes());
            *counts.entry(decoys.choose(&hmac).map(|hash| hash.work_kib())).or_insert(0) += 1;
        }
        assert_eq!(counts, HashMap::from([(Some(32), 10), (Some(64), 50), (Some(8), 10), (None, 30)]));
    }

    #[test]
    fn classes_are_bounded() {
        let today = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };
        let mut mix = DecoyMix::new(1_000);
        mix.add(
            (9..1_009).filter_map(|memory| {
                StoredHash::parse(&format!(
                    "$argon2id$v=19$m={memory},t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
                ))
            }),
            today,
        );
        assert_eq!(mix.classes.len(), MAX_CLASSES);
    }
}
