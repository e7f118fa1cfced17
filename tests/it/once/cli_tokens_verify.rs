//! `vestibule token verify` and the times in a token.

use vestibule::clock::{Clock, unix_seconds};

use crate::cli_tokens_verify::{SHARED, assert_refused, assert_says, sign, token, verify, with};
use crate::harness::cli::ServerWithCli;
use crate::harness::hs256::claims;

#[tokio::test]
async fn token_verify_reports_times_with_the_leeway() {
    let server = ServerWithCli::start(&SHARED);
    server.db.add("alice", &[]);
    let genuine = claims(&token(&server, "alice", "").await);
    let now = || unix_seconds(Clock::system().now());
    assert_refused(&server, &sign(&with(&genuine, "exp", now() - 41)), "time", "expired 4").await;
    assert_refused(&server, &sign(&with(&genuine, "exp", now() - 3 * 3_600)), "time", "expired 3 h ago").await;
    let late = sign(&with(&genuine, "exp", now() - 12));
    let findings = verify(&server, &late, true);
    assert_says(&findings, "time", "expired 1");
    assert_says(&findings, "time", "still accepted for 1");
    assert_eq!(server.me(&late).await, 200);
    for name in ["iat", "nbf"] {
        let early = sign(&with(&genuine, name, now() + 600));
        assert_refused(&server, &early, "time", " minutes: synchronize both with NTP").await;
        let near = sign(&with(&genuine, name, now() + 15));
        assert_says(&verify(&server, &near, true), "time", "ahead of this machine's clock");
        assert_eq!(server.me(&near).await, 200);
        assert_refused(&server, &sign(&with(&genuine, name, -1)), "time", "before 1970").await;
    }
}
