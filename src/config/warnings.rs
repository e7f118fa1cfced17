//! Environment variables that look like settings and are not used, or not as their author may believe.

use super::table;
use crate::similar_name::find_similar_name;

/// Other names that software for the same purpose uses, each with the setting that replaces it. The first two are those of
/// the FastAPI tutorial; hosting services set the third.
const REPLACED: [(&str, &str); 3] = [("SECRET_KEY", "JWT_SECRET"), ("ALGORITHM", "JWT_ALGORITHM"), ("PORT", "BIND")];
/// Part of the names of programs that ask for such a prefix.
const PREFIX: &str = "VESTIBULE_";

/// Returns a warning for each such variable of the environment, which includes those of `.env`. No warning shows a value.
#[must_use]
pub fn environment_warnings() -> Vec<String> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().contains("${"))));
    warnings(variables)
}

fn warnings(variables: impl Iterator<Item = (String, bool)>) -> Vec<String> {
    let is_setting = |name: &str| table::ALL.iter().any(|setting| setting.name == name);
    let mut all: Vec<String> = variables
        .filter_map(|(name, has_reference)| {
            if is_setting(&name) {
                return has_reference.then(|| {
                    format!(
                        "{name} contains ${{…}}, which is taken as it is: Vestibule does not replace variables in .env"
                    )
                });
            }
            if let Some((_, setting)) = REPLACED.iter().find(|(other, _)| *other == name) {
                return Some(format!("{name} is set but not used: the setting is called {setting}"));
            }
            let setting = similar_setting(&name)?;
            Some(format!("{name} is set but not used: did you mean {setting}?"))
        })
        .collect();
    all.sort();
    all
}

/// The setting whose name differs by a typing mistake or two, or by a prefix.
fn similar_setting(name: &str) -> Option<&'static str> {
    if let Some(rest) = name.strip_prefix(PREFIX) {
        return table::ALL.iter().map(|setting| setting.name).find(|setting| *setting == rest);
    }
    // Short names resemble those of other programs.
    let most = match name.len() {
        0..6 => return None,
        6..10 => 1,
        _ => 2,
    };
    find_similar_name(name, table::ALL.iter().map(|setting| setting.name), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_names_that_resemble_settings_are_reported() {
        for (name, expected) in [
            ("PUBLIC_ULR", Some("PUBLIC_URL")),
            ("DATABSE_URL", Some("DATABASE_URL")),
            ("DATABASE_URI", Some("DATABASE_URL")),
            ("JWT_SECERT", Some("JWT_SECRET")),
            ("ALLOWED_ORIGIN", Some("ALLOWED_ORIGINS")),
            ("VESTIBULE_BIND", Some("BIND")),
            ("SECRET_KEY", Some("JWT_SECRET")),
            ("PORT", Some("BIND")),
            ("PUBLC_URL", Some("PUBLIC_URL")),
            ("PATH", None),
            ("USER", None),
            ("HTTP_URL", None),
            ("HOSTNAME", None),
            ("PUBLIC_URL", None),
            ("JWT_SECRET_FILE", None),
        ] {
            let warnings = warnings([(name.to_owned(), false)].into_iter());
            assert_eq!(warnings.len(), usize::from(expected.is_some()), "{warnings:?}");
            assert!(warnings.iter().all(|warning| warning.contains(expected.unwrap_or_default())), "{warnings:?}");
        }
    }

    #[test]
    fn references_in_values_of_settings_are_reported() {
        assert_eq!(warnings([("HOME".to_owned(), true)].into_iter()), Vec::<String>::new());
        assert!(warnings([("PUBLIC_URL".to_owned(), true)].into_iter())[0].contains("PUBLIC_URL contains ${…}"));
    }
}
