//! The signing algorithms, and the published key of each.

use crate::harness::hs256::part;
use crate::harness::{TestApp, TestResponse};
use crate::keys::{me, sign_in};

#[tokio::test]
async fn each_algorithm_signs_valid_tokens_and_publishes_its_key() {
    for (algorithm, members) in [
        ("ES256", &["alg", "crv", "kid", "kty", "use", "x", "y"] as &[_]),
        ("EdDSA", &["alg", "crv", "kid", "kty", "use", "x"]),
        ("RS256", &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let app = TestApp::start_with(|settings| settings.set("JWT_ALGORITHM", algorithm)).await;
        app.add_user("alice", &[]).await;
        let (token, kid) = sign_in(&app).await;
        let header = part(&token, 0);
        assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some(algorithm), Some("JWT")));
        assert_eq!(me(&app, &token).await, 200, "{algorithm}");
        let set = TestResponse::to(app.get("/.well-known/jwks.json")).await.json();
        let key = set["keys"][0].as_object().expect("a key");
        // Any further member would belong to the private key.
        assert_eq!(key.keys().map(String::as_str).collect::<Vec<_>>(), members, "{algorithm}");
        assert_eq!((key["kid"].as_str(), key["alg"].as_str()), (Some(kid.as_str()), Some(algorithm)));
        if algorithm == "RS256" {
            // 3,072 bits are 384 bytes, 512 characters of base64url.
            assert_eq!((key["n"].as_str().map(str::len), key["e"].as_str()), (Some(512), Some("AQAB")));
        }
    }
}
