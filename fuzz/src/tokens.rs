//! Access tokens as strangers would write them, out of nothing and out of pieces of a good one. What may not live here: headers.

use serde_json::Value;
use vestibule::clock::Clock;
use vestibule::secret::{base64url, from_base64url};
use vestibule::tokens::{Claims, decode_unverified};

use super::world::{self, World};

/// Nothing is taken but the one token that was issued, and claims are typed strictly. The first byte says what the rest is: a whole
/// token, a header or claims in place of the good token's, or claims that somebody has signed.
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
        let issued: Value = serde_json::from_slice(&from_base64url(claims).expect("ours")).expect("ours");
        assert_eq!(serde_json::to_value(&verified.claims).expect("ours"), issued, "{token} was not issued");
    }
}

/// A resource server's idea of the claims must be ours: what we take, a plain JSON reader takes for the same.
fn check_claims(bytes: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Claims>(bytes) else { return };
    let _ = claims.check_time(Clock::system().now());
    // In claims that we do not know, the reader of ours passes over text that is not UTF-8, and over numbers beyond any bound.
    let Ok(plain) = serde_json::from_slice::<Value>(bytes) else { return };
    for (name, number) in [("iat", Some(claims.iat)), ("exp", Some(claims.exp)), ("nbf", claims.nbf)] {
        assert_eq!(plain.get(name).map(Value::as_i64), number.map(Some), "{name}");
    }
    for (name, text) in [("iss", Some(&claims.iss)), ("sub", Some(&claims.sub)), ("aud", claims.aud.as_ref())] {
        assert_eq!(plain.get(name).map(Value::as_str), text.map(|text| Some(text.as_str())), "{name}");
    }
}

/// A header's text in base64url, with the good token's `kid` for `{K}`: nobody guesses one.
fn with_kid(text: &[u8], good: &str) -> String {
    let good: Value = serde_json::from_slice(&from_base64url(good).expect("ours")).expect("ours");
    let kid = good["kid"].as_str().expect("a key pair has one");
    base64url(String::from_utf8_lossy(text).replace("{K}", kid).as_bytes())
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    std::array::from_fn(|_| parts.next().expect("a token has three parts"))
}
