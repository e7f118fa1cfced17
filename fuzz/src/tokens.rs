//! The fuzz target for access tokens.

use serde_json::Value;
use vestibule::clock::Clock;
use vestibule::secret::{base64url, from_base64url};
use vestibule::tokens::{Claims, decode_unverified};

use super::world::{self, World};

/// Takes a whole token, the header or the claims of one, or claims with a valid signature; the first byte selects
/// which. Only the one issued token is accepted. In a whole token, `{H}`, `{C}` and `{S}` are replaced by the parts of
/// the issued one.
pub fn access_token(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    world::with(|world| {
        let [header, claims, signature] = parts(&world.token);
        match kind % 4 {
            0 => {
                let Ok(text) = std::str::from_utf8(rest) else { return };
                check(world, &text.replace("{H}", header).replace("{C}", claims).replace("{S}", signature));
            }
            1 => check(world, &[&with_kid(rest, header), claims, signature].join(".")),
            2 => check(world, &[header, &base64url(rest), signature].join(".")),
            _ => check_claims(rest),
        }
    });
}

fn check(world: &World, token: &str) {
    let _ = decode_unverified(token);
    if let Ok(verified) = world.wait(world.tokens.verify(token)) {
        let [_, claims, _] = parts(&world.token);
        let issued: Value = serde_json::from_slice(&from_base64url(claims).expect("base64url")).expect("JSON");
        assert_eq!(serde_json::to_value(&verified.claims).expect("JSON"), issued, "{token} was not issued");
    }
}

/// Checks that a resource server with a plain JSON parser reads accepted claims as the same.
fn check_claims(bytes: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Claims>(bytes) else { return };
    let _ = claims.check_time(Clock::system().now());
    // In unknown claims, the server's parser skips text that is not UTF-8 and numbers that are out of range.
    let Ok(plain) = serde_json::from_slice::<Value>(bytes) else { return };
    for (name, number) in [("iat", Some(claims.iat)), ("exp", Some(claims.exp)), ("nbf", claims.nbf)] {
        assert_eq!(plain.get(name).map(Value::as_i64), number.map(Some), "{name}");
    }
    for (name, text) in [("iss", Some(&claims.iss)), ("sub", Some(&claims.sub)), ("aud", claims.aud.as_ref())] {
        assert_eq!(plain.get(name).map(Value::as_str), text.map(|text| Some(text.as_str())), "{name}");
    }
}

/// Encodes a header in base64url, with `{K}` replaced by the `kid` of the issued token, which a fuzzer cannot guess.
fn with_kid(text: &[u8], issued_header: &str) -> String {
    let header: Value = serde_json::from_slice(&from_base64url(issued_header).expect("base64url")).expect("JSON");
    let kid = header["kid"].as_str().expect("a key pair has a kid");
    base64url(String::from_utf8_lossy(text).replace("{K}", kid).as_bytes())
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    std::array::from_fn(|_| parts.next().expect("a token has three parts"))
}
