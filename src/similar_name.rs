//! Finding the name that was meant by a misspelt one.

/// The most similar of `names`, if it differs by at most `most` characters that are missing, added, other or swapped
/// (Damerau and Levenshtein).
#[must_use]
pub fn find_similar_name<'a>(name: &str, names: impl Iterator<Item = &'a str>, most: usize) -> Option<&'a str> {
    let distances = names.map(|other| (strsim::damerau_levenshtein(name, other), other));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, other)| other)
}
