//! TLS to PostgreSQL: certificates are found and verified, and a connection without them is reported.

use std::time::{Duration, Instant};

use crate::harness::TestDatabase;
use crate::harness::cli::run;
use crate::harness::direct_database::DirectConnection;
use crate::harness::logged_process::LoggedProcess;

/// The certificate of the PostgreSQL server of the tests, which no public authority has signed.
fn server_certificate() -> String {
    std::env::var("TEST_POSTGRES_CERTIFICATE").expect("TEST_POSTGRES_CERTIFICATE: bin/with-postgres sets it")
}

#[test]
fn verify_full_uses_the_certificates_of_the_system_and_rejects_an_unknown_server() {
    let database = TestDatabase::create();
    if !database.is_postgres() {
        assert!(database.sqlite_file().is_some(), "SQLite has no connection");
        return;
    }
    let name = database.url.rsplit('/').next().expect("a name");
    for parameters in ["sslmode=verify-full", "sslrootcert=system"] {
        let url = format!("{}?{parameters}&application_name=verified", database.url);
        let output = run(database.serve(&[("DATABASE_URL", &url), ("DATABASE_START_WAIT", "0s")]));
        assert!(output.fails(1, "certificate verify failed").out.is_empty(), "{parameters}");
        // The bundled OpenSSL and that of the system both take the file of trusted certificates from here.
        let certificate = server_certificate();
        let mut server =
            LoggedProcess::start(database.serve(&[("DATABASE_URL", &url), ("SSL_CERT_FILE", &certificate)]));
        server.wait_for_url();
        assert_eq!(server.count("verified TLS"), 0, "{:?}", server.seen);
        let mut direct = DirectConnection::open(&database);
        let plain = "pg_stat_ssl JOIN pg_stat_activity USING (pid)";
        let of_server = format!("datname = '{name}' AND application_name = 'verified'");
        // The server connects twice a second at least.
        let begun = Instant::now();
        while direct.count(plain, &format!("{of_server} AND ssl")) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "the server is connected");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(direct.count(plain, &format!("{of_server} AND NOT ssl")), 0);
    }
}
