//! The server's own counters, and their Prometheus text. Who may read them is decided in `ops`.
//! What may not live here: anything that names a user, a token or an address.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows, since the process started.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Password hashes computed, dummy ones for unknown users included.
pub static PASSWORD_HASHES: Counter = Counter::new();
/// Statements sent to the database.
pub static DATABASE_STATEMENTS: Counter = Counter::new();
/// Sign-ins that succeeded, at either door.
pub static SIGN_INS: Counter = Counter::new();
/// Sign-ins refused for a wrong name or password, or a disabled account.
pub static SIGN_IN_FAILURES: Counter = Counter::new();
/// Sign-ins refused before any hash because there were too many tries.
pub static SIGN_INS_THROTTLED: Counter = Counter::new();
/// Refresh tokens exchanged.
pub static REFRESHES: Counter = Counter::new();
/// Refresh tokens that came once too often, so that their session ended.
pub static REFRESH_TOKENS_REUSED: Counter = Counter::new();
/// Mails that a mail server took.
pub static MAILS_SENT: Counter = Counter::new();
/// Mails that were given up: refused for good, or expired.
pub static MAILS_GIVEN_UP: Counter = Counter::new();
/// Answers with status 5xx.
pub static SERVER_ERRORS: Counter = Counter::new();

/// All counters in the Prometheus text format 0.0.4.
#[must_use]
pub fn render() -> String {
    let counters = [
        ("vestibule_password_hashes_total", "Password hashes computed.", &PASSWORD_HASHES),
        ("vestibule_database_statements_total", "Statements sent to the database.", &DATABASE_STATEMENTS),
        ("vestibule_sign_ins_total", "Sign-ins that succeeded.", &SIGN_INS),
        ("vestibule_sign_in_failures_total", "Sign-ins refused for wrong credentials.", &SIGN_IN_FAILURES),
        ("vestibule_sign_ins_throttled_total", "Sign-ins refused for too many tries.", &SIGN_INS_THROTTLED),
        ("vestibule_refreshes_total", "Refresh tokens exchanged.", &REFRESHES),
        ("vestibule_refresh_tokens_reused_total", "Sessions ended for a reused token.", &REFRESH_TOKENS_REUSED),
        ("vestibule_mails_sent_total", "Mails that a mail server took.", &MAILS_SENT),
        ("vestibule_mails_given_up_total", "Mails refused for good, or expired.", &MAILS_GIVEN_UP),
        ("vestibule_server_errors_total", "Answers with status 5xx.", &SERVER_ERRORS),
    ];
    let mut text = String::new();
    for (name, help, counter) in counters {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", counter.get())
            .expect("writing to a String does not fail");
    }
    text
}
