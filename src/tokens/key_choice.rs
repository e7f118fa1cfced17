//! The rule that chooses which key signs.

use std::cmp::Reverse;

use super::store::StoredKey;
use crate::clock::Moment;
use crate::config::KeyAlgorithm;

/// The properties of a key that decide whether it signs.
pub(super) struct KeyCandidate {
    pub algorithm: KeyAlgorithm,
    pub signs_from: Moment,
    pub created_at: Moment,
}

/// Chooses the key that signs at `now`: the newest of the preferred algorithm that has started to sign, otherwise the
/// newest of any other algorithm that has. If none has, the first that will.
pub(super) fn choose_signing<T>(
    keys: impl Iterator<Item = T>,
    candidate: impl Fn(&T) -> KeyCandidate,
    preferred: KeyAlgorithm,
    now: Moment,
) -> Option<T> {
    keys.map(|key| (candidate(&key), key))
        .max_by_key(|(candidate, _)| {
            let KeyCandidate { algorithm, signs_from, created_at } = *candidate;
            let started = (signs_from <= now).then_some((algorithm == preferred, signs_from, created_at));
            (started, Reverse(signs_from))
        })
        .map(|(_, key)| key)
}

/// Chooses the key that signs at `now` among stored keys.
pub(super) fn find_signing(keys: &[StoredKey], preferred: KeyAlgorithm, now: Moment) -> Option<&StoredKey> {
    let accepted = keys.iter().filter(|key| key.retired_at.is_none() && key.algorithm().is_some());
    let candidate = |key: &&StoredKey| KeyCandidate {
        algorithm: key.algorithm().unwrap_or(preferred),
        signs_from: key.signs_from(),
        created_at: key.created_at,
    };
    choose_signing(accepted, candidate, preferred, now)
}
