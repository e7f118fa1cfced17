//! What a username looks like, as text that is equal for names that look alike (UTS #39 §4).

use super::Username;

/// The version of [`skeleton`]: that of the Unicode data it uses. Skeletons of different versions are not compared.
pub(super) const VERSION: i64 = {
    let (major, minor, patch) = unicode_security::UNICODE_VERSION;
    (major * 1_000_000 + minor * 1_000 + patch).cast_signed()
};

/// The skeleton of a text, in lower case: upper-case and lower-case names are compared, and the skeleton of `0` is `O`.
pub(super) fn skeleton(text: &str) -> String {
    unicode_security::skeleton(text).collect::<String>().to_lowercase()
}

/// The skeletons of a username as it was given and in its canonical form: a capital `I` looks like an `l`, and is an `i`
/// in the canonical form.
pub(super) fn skeletons(given: &str, key: &str) -> Vec<String> {
    let mut skeletons = vec![skeleton(given), skeleton(key)];
    skeletons.dedup();
    skeletons
}

impl Username {
    /// What the username looks like.
    pub(super) fn skeletons(&self) -> Vec<String> {
        skeletons(self.as_str(), self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_share_a_skeleton() {
        let skeletons = |name: &str| Username::parse(name, None).expect("a username").skeletons();
        for (first, second) in [
            ("alice", "\u{430}lice"),
            ("lucy", "Iucy"),
            ("LUCY", "lucy"),
            ("arnold", "amold"),
            ("bob0", "bobo"),
            ("mina", "m\u{131}na"),
        ] {
            let (first_skeletons, second_skeletons) = (skeletons(first), skeletons(second));
            assert!(first_skeletons.iter().any(|one| second_skeletons.contains(one)), "{first} and {second}");
        }
        for (first, second) in [("alice", "alicia"), ("bob", "rob"), ("mina", "nina")] {
            assert_ne!(skeletons(first), skeletons(second));
        }
    }
}
