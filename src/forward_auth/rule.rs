//! What the proxy's configuration demands, in the query of the address that it asks: `?role=editor&role=admin`.
//! What may not live here: where the person's roles come from.

use url::form_urlencoded;

use crate::users::{MAX_ROLE, is_role};

/// More roles than a configuration names by hand.
const MAX_ROLES: usize = 32;

/// Any one of these roles is enough; with none of them, being signed in is.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule(Vec<String>);

impl Rule {
    /// Reads the query. `None` when it holds anything but roles: a demand that is not understood must not be passed over, or a
    /// slip of the pen would open the application to everybody.
    #[must_use]
    pub fn parse(query: &str) -> Option<Self> {
        if query.len() > MAX_ROLES * (MAX_ROLE + "role=&".len()) {
            return None;
        }
        let mut roles = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let names = value.split(',').map(str::to_owned);
            roles.extend(names);
            if name != "role" || roles.len() > MAX_ROLES {
                return None;
            }
        }
        roles.iter().all(|role| is_role(role)).then_some(Self(roles))
    }

    /// Whether somebody with these roles may pass.
    #[must_use]
    pub fn admits(&self, held: &[String]) -> bool {
        self.0.is_empty() || self.0.iter().any(|role| held.contains(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_one_of_the_roles_is_enough() {
        let held = |roles: &[&str]| roles.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rule = Rule::parse("").expect("no demand");
        assert!(rule.admits(&[]) && rule.admits(&held(&["admin"])));
        for query in ["role=editor&role=admin", "role=editor,admin", "role=editor%2Cadmin"] {
            let rule = Rule::parse(query).expect("roles");
            assert!(rule.admits(&held(&["admin"])) && rule.admits(&held(&["a", "editor"])), "{query}");
            assert!(!rule.admits(&[]) && !rule.admits(&held(&["edito", "editor2", "Editor"])), "{query}");
        }
    }

    #[test]
    fn a_demand_that_is_not_understood_admits_nobody() {
        let many = format!("role={}", vec!["a"; MAX_ROLES + 1].join(","));
        let long = format!("role={}", "a".repeat(10_000));
        for query in [
            "roles=editor",
            "role",
            "role=",
            "role=,",
            "role=Editor",
            "role=a b",
            "role=editor&x=1",
            "x",
            "role=%ff",
            &many,
            &long,
        ] {
            assert_eq!(Rule::parse(query), None, "{query:.60}");
        }
    }
}
