//! The server's counters and their Prometheus exposition; none names a user, a token or an address.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A counter that starts at zero with the process and never decreases.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one away.
    pub fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Passwords hashed or verified, including dummy hashes for unknown users.
pub static PASSWORD_HASHES: Counter = Counter::new();
/// Memory that password hashes filled, in KiB: memory × passes.
pub static PASSWORD_HASH_WORK: Counter = Counter::new();
/// Statements sent to the database.
pub static DATABASE_STATEMENTS: Counter = Counter::new();
/// Transactions that wait for the thread that writes to a SQLite file.
pub static DATABASE_WRITES_QUEUED: Gauge = Gauge::new();
/// Transactions that this thread has taken from its queue.
pub static DATABASE_WRITES: Counter = Counter::new();
/// Commits of this thread, each of one or more transactions.
pub static DATABASE_WRITE_GROUPS: Counter = Counter::new();
/// How long transactions have waited in its queue, in microseconds.
pub static DATABASE_WRITE_WAIT_MICROS: Counter = Counter::new();
/// Successful sign-ins, in the browser or with the password grant.
pub static SIGN_INS: Counter = Counter::new();
/// Sign-ins and re-authentications with an unknown username, a wrong password or a disabled account.
pub static SIGN_IN_FAILURES: Counter = Counter::new();
/// Sign-ins and re-authentications rejected because of too many failures, or sign-ins because of too many successes.
pub static SIGN_INS_THROTTLED: Counter = Counter::new();
/// Sign-ins and re-authentications rejected before hashing, because the hash queue was full.
pub static SIGN_INS_OVERLOADED: Counter = Counter::new();
/// Refresh tokens exchanged.
pub static REFRESHES: Counter = Counter::new();
/// Reused refresh tokens; each ended its session.
pub static REFRESH_TOKENS_REUSED: Counter = Counter::new();
/// Emails accepted by the SMTP server.
pub static MAILS_SENT: Counter = Counter::new();
/// Emails that failed permanently. Expired emails are not counted.
pub static MAILS_FAILED: Counter = Counter::new();
/// Lines of the log that could not be written or queued.
pub static LOG_LINES_DROPPED: Counter = Counter::new();
/// Restarts of background tasks after a panic.
pub static BACKGROUND_TASK_RESTARTS: Counter = Counter::new();
/// Requests whose handler panicked.
pub static REQUEST_PANICS: Counter = Counter::new();
/// Password hashes whose computation panicked.
pub static HASH_PANICS: Counter = Counter::new();
/// Connections closed because their network had too many.
pub static CONNECTIONS_REJECTED: Counter = Counter::new();
/// Responses with status 5xx.
pub static SERVER_ERRORS: Counter = Counter::new();

/// Renders all counters in the Prometheus text format 0.0.4.
#[must_use]
pub fn render() -> String {
    let counters = [
        ("vestibule_password_hashes_total", "Password hashes computed.", &PASSWORD_HASHES),
        (
            "vestibule_password_hash_work_kib_total",
            "Memory filled by password hashes in KiB (memory times passes).",
            &PASSWORD_HASH_WORK,
        ),
        ("vestibule_database_statements_total", "Statements sent to the database.", &DATABASE_STATEMENTS),
        (
            "vestibule_database_writes_total",
            "SQLite transactions taken from the queue of the writer.",
            &DATABASE_WRITES,
        ),
        (
            "vestibule_database_write_groups_total",
            "Commits of the SQLite writer; one commits all transactions that wait.",
            &DATABASE_WRITE_GROUPS,
        ),
        ("vestibule_sign_ins_total", "Successful sign-ins.", &SIGN_INS),
        ("vestibule_sign_in_failures_total", "Sign-ins rejected for invalid credentials.", &SIGN_IN_FAILURES),
        ("vestibule_sign_ins_throttled_total", "Sign-ins rejected for too many attempts.", &SIGN_INS_THROTTLED),
        (
            "vestibule_sign_ins_overloaded_total",
            "Sign-ins rejected because the hash queue was full.",
            &SIGN_INS_OVERLOADED,
        ),
        ("vestibule_refreshes_total", "Refresh tokens exchanged.", &REFRESHES),
        ("vestibule_refresh_tokens_reused_total", "Reused refresh tokens detected.", &REFRESH_TOKENS_REUSED),
        ("vestibule_mails_sent_total", "Emails accepted by the SMTP server.", &MAILS_SENT),
        ("vestibule_mails_failed_total", "Emails that failed permanently.", &MAILS_FAILED),
        ("vestibule_log_lines_dropped_total", "Log lines that could not be written.", &LOG_LINES_DROPPED),
        (
            "vestibule_background_task_restarts_total",
            "Restarts of background tasks after a panic.",
            &BACKGROUND_TASK_RESTARTS,
        ),
        ("vestibule_request_panics_total", "Requests whose handler panicked.", &REQUEST_PANICS),
        ("vestibule_hash_panics_total", "Password hashes whose computation panicked.", &HASH_PANICS),
        (
            "vestibule_connections_rejected_total",
            "Connections closed because their network had too many.",
            &CONNECTIONS_REJECTED,
        ),
        ("vestibule_server_errors_total", "Responses with status 5xx.", &SERVER_ERRORS),
    ];
    let mut text = String::new();
    for (name, help, counter) in counters {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", counter.get())
            .expect("writing to a String does not fail");
    }
    let wait = Duration::from_micros(DATABASE_WRITE_WAIT_MICROS.get()).as_secs_f64();
    let queued = DATABASE_WRITES_QUEUED.get();
    write!(
        text,
        "# HELP vestibule_database_write_wait_seconds_total Time that SQLite transactions waited in the queue.\n\
         # TYPE vestibule_database_write_wait_seconds_total counter\n\
         vestibule_database_write_wait_seconds_total {wait}\n\
         # HELP vestibule_database_writes_queued SQLite transactions in the queue of the writer now.\n\
         # TYPE vestibule_database_writes_queued gauge\n\
         vestibule_database_writes_queued {queued}\n"
    )
    .expect("writing to a String does not fail");
    text
}
