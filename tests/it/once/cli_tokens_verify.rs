//! `vestibule token verify` and the times in a token.

use vestibule::clock::{Clock, unix_seconds};

use crate::cli_tokens_verify::{SHARED, assert_refused, assert_says, sign, token, verify, with};
use crate::harness::cli::Served;
use crate::harness::hs256::claims;

#[tokio::test]
async fn token_verify_reports_times_with_the_leeway() {
    let served = Served::start(&SHARED);
    served.db.add("alice", &[]);
    let genuine = claims(&token(&served, "alice", "").await);
    let now = || unix_seconds(Clock::system().now());
    assert_refused(&served, &sign(&with(&genuine, "exp", now() - 41)), "time", "expired 4").await;
    assert_refused(&served, &sign(&with(&genuine, "exp", now() - 3 * 3_600)), "time", "expired 3 h ago").await;
    let late = sign(&with(&genuine, "exp", now() - 12));
    let findings = verify(&served, &late, true);
    assert_says(&findings, "time", "expired 1");
    assert_says(&findings, "time", "still accepted for 1");
    assert_eq!(served.me(&late).await, 200);
    for name in ["iat", "nbf"] {
        let early = sign(&with(&genuine, name, now() + 600));
        assert_refused(&served, &early, "time", " minutes: synchronize both with NTP").await;
        let near = sign(&with(&genuine, name, now() + 15));
        assert_says(&verify(&served, &near, true), "time", "ahead of this machine's clock");
        assert_eq!(served.me(&near).await, 200);
        assert_refused(&served, &sign(&with(&genuine, name, -1)), "time", "before 1970").await;
    }
}
