//! `vestibule doctor`, with the server up and down.

use serde_json::Value;

use crate::harness::cli::{CommandOutput, run};
use crate::harness::direct_database::DirectConnection;
use crate::harness::mail::{MailOptions, MailServer};
use crate::harness::peers::free_port;
use crate::harness::{OTHER_SERVER_KEY, ServerProcess, TestDatabase, TestResponse, http_client};

/// The command with these settings besides those of the tests.
fn doctor(db: &TestDatabase, args: &[&str], settings: &[(&str, &str)]) -> CommandOutput {
    let mut command = db.command(&[&["doctor"], args].concat());
    run(command.envs(settings.iter().copied()))
}

/// The findings of one check, each as level and text.
fn findings(output: &CommandOutput, check: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let all = report["findings"].as_array().expect("an array").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    all.filter(|finding| finding["check"] == check)
        .map(|finding| (text(&finding["level"]), text(&finding["text"])))
        .collect()
}

/// Asserts that a check has a finding of this level with these words.
#[track_caller]
fn assert_finding(output: &CommandOutput, check: &str, level: &str, words: &str) {
    let found = findings(output, check);
    assert!(found.iter().any(|(is, text)| is == level && text.contains(words)), "{level} {words:?}: {found:?}");
}

/// A server at a public URL of its own, without a proxy.
fn serve(db: &TestDatabase) -> (ServerProcess, String) {
    let port = free_port();
    let (url, address) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}"));
    let server = ServerProcess::start(db, &[("PUBLIC_URL", &url), ("BIND", &address)]);
    (server, url)
}

#[test]
fn healthy_server_has_no_error_and_the_public_url_is_read_through_the_network() {
    let db = TestDatabase::create();
    let (_server, url) = serve(&db);
    for _ in 0..2 {
        let output = doctor(&db, &["--json"], &[("PUBLIC_URL", &url)]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_finding(&output, "database", "ok", if db.is_postgres() { "PostgreSQL" } else { "SQLite 3" });
        assert_finding(&output, "migrations", "ok", "are applied");
        assert_finding(&output, "server key", "ok", "it decrypts all signing keys (1)");
        assert_finding(&output, "public URL", "ok", "cookies come back; the server sees http://127.0.0.1:");
        // The tests hash cheaply.
        assert_finding(&output, "password hash", "warning", "cheap to guess");
        assert_finding(&output, "mail", "warning", "off");
    }
    let text = doctor(&db, &[], &[("PUBLIC_URL", &url)]).ok().out;
    assert!(text.contains("\nok       public URL: ") && text.contains("\nerrors: 0, warnings: "), "{text}");
}

#[test]
fn server_that_is_down_or_has_another_key_is_an_error() {
    let db = TestDatabase::create();
    let (server, url) = serve(&db);
    let other = doctor(&db, &["--json"], &[("PUBLIC_URL", &url), ("SERVER_KEY", OTHER_SERVER_KEY)]);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert_finding(&other, "server key", "error", "does not decrypt the signing key");
    assert_finding(&other, "public URL", "error", "does not accept this command's server key");
    drop(server);
    let down = doctor(&db, &["--json"], &[("PUBLIC_URL", &url)]);
    assert_eq!(down.code, Some(1), "{down:?}");
    assert_finding(&down, "public URL", "error", "Check that the server and its proxy run");
    assert_finding(&down, "database", "ok", "responds");
}

#[tokio::test]
async fn endpoint_of_the_command_does_not_exist_for_others() {
    let db = TestDatabase::create();
    let (_server, url) = serve(&db);
    let get = |path: &str| http_client().get(format!("{url}{path}"));
    let unknown = TestResponse::to(get("/doctor-2")).await;
    let mac = "A".repeat(43);
    let now = vestibule::clock::unix_seconds(vestibule::clock::Clock::system().now());
    for request in [
        get("/doctor"),
        get("/doctor").header("x-vestibule-doctor", "a.1.b"),
        get("/doctor").header("x-vestibule-doctor", format!("AAAA.{now}.{mac}")),
        http_client().post(format!("{url}/doctor")),
    ] {
        let response = TestResponse::to(request).await;
        assert_eq!((response.status, &response.body), (404, &unknown.body));
        assert!(!response.headers.contains_key("set-cookie"));
    }
}

#[test]
fn missing_or_outdated_database_is_an_error_and_nothing_is_created() {
    let db = TestDatabase::empty();
    let output = doctor(&db, &["--json"], &[]);
    assert_eq!(output.code, Some(1), "{output:?}");
    if db.is_postgres() {
        assert_finding(&output, "migrations", "error", "Run \"vestibule migrate run\"");
        let away = doctor(&db, &["--json"], &[("DATABASE_URL", &format!("postgres://127.0.0.1:{}/x", free_port()))]);
        assert_finding(&away, "database", "error", "whether the database runs");
    } else {
        assert_finding(&output, "database", "error", "run \"vestibule migrate run\" to create it");
        assert!(!db.folder.path().join("db").exists());
    }
}

#[test]
fn database_that_cannot_be_written_to_is_an_error() {
    let db = TestDatabase::create();
    let mut direct = DirectConnection::open(&db);
    let settings: Vec<(&str, String)> = if db.is_postgres() {
        direct.run("CREATE ROLE reader LOGIN");
        direct.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader");
        vec![("DATABASE_URL", db.url.replace("postgres@", "reader@"))]
    } else {
        direct.run("CREATE TRIGGER t BEFORE INSERT ON counters BEGIN SELECT RAISE(ABORT, 'read-only'); END");
        Vec::new()
    };
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let output = doctor(&db, &["--json"], &settings);
    if db.is_postgres() {
        direct.run("DROP OWNED BY reader");
        direct.run("DROP ROLE reader");
    }
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_finding(&output, "database", "error", "it cannot be written to");
}

#[test]
fn mail_server_is_tried_and_a_test_mail_is_sent_on_request_only() {
    let db = TestDatabase::create();
    let server = MailServer::start_with(MailOptions { password: Some("geheim"), ..MailOptions::default() });
    let url = format!("smtp://vestibule@127.0.0.1:{}", server.port);
    let with = |password: &str, args: &[&str]| {
        doctor(&db, args, &[("SMTP_URL", &url), ("MAIL_FROM", "a@example.com"), ("SMTP_PASSWORD", password)])
    };
    let output = with("geheim", &["--json"]);
    assert_finding(&output, "mail", "ok", "accepts the connection and the password");
    assert!(server.received().is_empty());
    let output = with("geheim", &["--json", "--send-test", "admin@example.com"]);
    assert_finding(&output, "mail", "ok", "accepted a mail to admin@example.com");
    assert_eq!(server.received().len(), 1);
    assert!(server.received()[0].subject().starts_with("Test mail from"));
    let wrong = with("falsch", &["--json"]);
    assert_finding(&wrong, "mail", "error", "returned 535");
    assert!(!wrong.out.contains("falsch"));
}

#[test]
fn invalid_and_weak_settings_are_reported_together() {
    let db = TestDatabase::create();
    let invalid = doctor(&db, &["--json"], &[("PUBLIC_URL", "ftp://x"), ("ARGON2_ITERATIONS", "0")]);
    assert_eq!((invalid.code, findings(&invalid, "settings").len()), (Some(1), 2), "{invalid:?}");
    let weak = doctor(
        &db,
        &["--json"],
        &[
            ("PUBLIC_URL", "http://login.vestibule.test"),
            ("TRUSTED_PROXIES", "0.0.0.0/0"),
            ("METRICS_BIND", "0.0.0.0:9090"),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("SECRET_KEY", "x"),
        ],
    );
    for words in ["is not https", "TRUSTED_PROXIES contains every address", "METRICS_BIND=0.0.0.0:9090", "JWT_SECRET"] {
        assert_finding(&weak, "settings", "warning", words);
    }
    assert_finding(&weak, "tokens", "warning", "could issue them");
}
