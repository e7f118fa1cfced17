//! Who it is, in the headers that applications read. All four are always there, so that a proxy overwrites what a client sent of them.
//! What may not live here: which request gets them (`decision.rs`).

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};

use crate::web::current_user::CurrentUser;

/// 200 with `Remote-User`, `Remote-Name`, `Remote-Email` and `Remote-Groups`, empty where nothing is known.
#[must_use]
pub fn answer(current: &CurrentUser) -> HttpResponse {
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

/// The text in UTF-8, as what nearly every application makes of the bytes of a header. Nothing in it can end the header, in UTF-8
/// or read byte by byte: what would is not allowed in a name, and is a space here should it be in one all the same.
fn value(text: &str) -> HeaderValue {
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    let plain: String = text.chars().map(|character| if breaks(character) { ' ' } else { character }).collect();
    HeaderValue::from_bytes(plain.trim().as_bytes()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_one_line() {
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
