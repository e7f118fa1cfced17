//! The identity headers that applications read.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};

use crate::sessions::LiveSession;
use crate::users::User;

/// Builds the 200 response with `Remote-User`, `Remote-Name`, `Remote-Email` and `Remote-Groups`, empty where unknown.
/// All four are always present: the proxy then overwrites those that a client sent.
#[must_use]
pub fn allowed_response(live: &LiveSession) -> HttpResponse {
    let (user, roles) = (live.owned.user.as_ref(), &live.owned.roles);
    let text_of = |field: fn(&User) -> Option<&str>| user.and_then(field).unwrap_or_default();
    let mut response = HttpResponse::Ok().finish();
    for (name, text) in [
        ("remote-user", text_of(|user| Some(&user.username))),
        ("remote-name", text_of(|user| user.display_name.as_deref())),
        ("remote-email", text_of(|user| user.email.as_deref())),
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
