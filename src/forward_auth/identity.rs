//! The identity headers that applications read.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};

use crate::web::current_user::CurrentUser;

/// Builds the 200 response with `Remote-User`, `Remote-Name`, `Remote-Email` and `Remote-Groups`, empty where unknown.
/// All four are always present: the proxy then overwrites those that a client sent.
#[must_use]
pub fn allowed_response(current: &CurrentUser) -> HttpResponse {
    let CurrentUser { user, roles, .. } = current;
    let mut response = HttpResponse::Ok().finish();
    for (name, text) in [
        ("remote-user", user.username.as_str()),
        ("remote-name", user.display_name.as_deref().unwrap_or_default()),
        ("remote-email", user.email.as_deref().unwrap_or_default()),
        ("remote-groups", &roles.join(",")),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), value(text));
    }
    response
}

/// The text in UTF-8, as most applications decode a header. Characters that could end the header become spaces; no
/// valid name has them.
fn value(text: &str) -> HeaderValue {
    let is_unsafe = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    let line: String = text.chars().map(|character| if is_unsafe(character) { ' ' } else { character }).collect();
    HeaderValue::from_bytes(line.trim().as_bytes()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_value_is_one_line() {
        for (text, line) in [
            ("Alice Cooper", "Alice Cooper"),
            ("홍길동", "홍길동"),
            ("a\r\nRemote-User: admin", "a  Remote-User: admin"),
            ("a\u{0}b\u{85}c\u{2028}d\u{7f}", "a b c d"),
            ("  a\t", "a"),
            ("", ""),
        ] {
            let value = value(text);
            assert_eq!(value.as_bytes(), line.as_bytes());
            assert!(value.as_bytes().iter().all(|byte| *byte >= 0x20 && *byte != 0x7f));
        }
    }
}
