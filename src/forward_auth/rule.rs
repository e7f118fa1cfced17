//! The roles that the proxy's configuration requires, in the query of its request: `?role=editor&role=admin`.

use url::form_urlencoded;

use crate::users::{MAX_ROLE_CHARACTERS, is_role};

/// The most roles of a rule.
const MAX_ROLES: usize = 32;

/// The required roles, one of which is enough; an empty rule allows every signed-in user.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule(Vec<String>);

impl Rule {
    /// Parses the query. `None` when it contains anything but roles: a mistyped rule that is ignored would open the
    /// application to every user.
    #[must_use]
    pub fn parse(query: &str) -> Option<Self> {
        if query.len() > MAX_ROLES * (MAX_ROLE_CHARACTERS + "role=&".len()) {
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

    /// Whether a user with these roles is allowed.
    #[must_use]
    pub fn allows(&self, held: &[String]) -> bool {
        self.0.is_empty() || self.0.iter().any(|role| held.contains(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_roles_is_enough() {
        let held = |roles: &[&str]| roles.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rule = Rule::parse("").expect("no roles");
        assert!(rule.allows(&[]) && rule.allows(&held(&["admin"])));
        for query in ["role=editor&role=admin", "role=editor,admin", "role=editor%2Cadmin"] {
            let rule = Rule::parse(query).expect("roles");
            assert!(rule.allows(&held(&["admin"])) && rule.allows(&held(&["a", "editor"])), "{query}");
            assert!(!rule.allows(&[]) && !rule.allows(&held(&["edito", "editor2", "Editor"])), "{query}");
        }
    }

    #[test]
    fn query_that_is_no_list_of_roles_is_rejected() {
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
