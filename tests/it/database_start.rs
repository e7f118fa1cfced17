//! Starts on a database that is not available yet, or that another process migrates.

use std::net::{SocketAddr, TcpListener};

use crate::harness::TestDatabase;
use crate::harness::cli::run;
use crate::harness::database_outage::Outage;
use crate::harness::direct_database::DirectConnection;
use crate::harness::logged_process::LoggedProcess;
use crate::harness::postgres_proxy::{PostgresProxy, postgres_address};

/// An address on which nothing listens.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// A database server that is down, or on SQLite another process that has the file for itself, until this is dropped.
struct Unavailable<'a> {
    database: &'a TestDatabase,
    address: SocketAddr,
    lock: Option<Outage>,
}

impl<'a> Unavailable<'a> {
    fn begin(database: &'a TestDatabase) -> Self {
        let lock = (!database.is_postgres()).then(|| Outage::begin(database));
        Self { database, address: free_address(), lock }
    }

    fn url(&self) -> String {
        match postgres_address(self.database) {
            Some(server) => self.database.url.replacen(&server.to_string(), &self.address.to_string(), 1),
            None => self.database.url.clone(),
        }
    }

    fn end(self) -> Option<PostgresProxy> {
        drop(self.lock);
        PostgresProxy::start_at(self.database, self.address)
    }
}

#[test]
fn start_waits_for_an_unavailable_database_and_logs_it_once() {
    let database = TestDatabase::create();
    let outage = Unavailable::begin(&database);
    let mut server = LoggedProcess::start(database.serve(&[("DATABASE_URL", &outage.url())]));
    let line = server.wait_for("the database is not available; retrying for up to 1m");
    assert!(line.contains("cannot open the database"), "{line}");
    let _proxy = outage.end();
    server.wait_for("the database is available");
    server.wait_for_url();
    assert_eq!(server.count("the database is not available"), 1, "{:?}", server.seen);
}

#[test]
fn start_gives_up_after_its_wait() {
    let database = TestDatabase::create();
    let outage = Unavailable::begin(&database);
    for (wait, is_logged) in [("0s", false), ("1s", true)] {
        let output = run(database.serve(&[("DATABASE_URL", &outage.url()), ("DATABASE_START_WAIT", wait)]));
        assert_eq!(output.code, Some(1), "{output:?}");
        let log = output.out + &output.err;
        assert!(log.contains("error: cannot open the database"), "{log}");
        // On SQLite, one attempt takes longer than a second.
        assert!(!database.is_postgres() || log.contains("retrying for up to 1s") == is_logged, "{log}");
    }
}

#[test]
fn migration_that_waits_for_a_lock_is_logged() {
    let database = TestDatabase::empty();
    // As another instance that migrates.
    let mut direct = DirectConnection::open(&database);
    direct.run(if database.is_postgres() {
        "BEGIN; SELECT pg_advisory_xact_lock(8531352012944733548)"
    } else {
        "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE"
    });
    let mut server = LoggedProcess::start(database.serve(&[]));
    server.wait_for("migrations still run: they may wait for a lock");
    direct.run("COMMIT");
    server.wait_for_url();
}
