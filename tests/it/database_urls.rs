//! `DATABASE_URL` as libpq reads it, and databases that cannot be used.

use crate::harness::TestDatabase;
use crate::harness::cli::run;
use crate::harness::direct_database::DirectConnection;

/// The parts of the URL of a test database on PostgreSQL: port, name, and the folder of the server's socket.
fn parts(database: &TestDatabase) -> (String, String, String) {
    let (address, name) = database.url.rsplit_once('/').expect("a database");
    let port = address.rsplit_once(':').expect("a port").1;
    let certificate = std::env::var("TEST_POSTGRES_CERTIFICATE").expect("bin/with-postgres sets it");
    let folder = certificate.rsplit_once('/').expect("a folder").0;
    (port.to_owned(), name.to_owned(), folder.to_owned())
}

#[test]
fn urls_of_sockets_and_of_several_hosts_connect() {
    let database = TestDatabase::create();
    if !database.is_postgres() {
        let output = run(database.command(&["users", "list"]).env("DATABASE_URL", "sqlite://db.sqlite?mode=rwc"));
        output.fails(2, "DATABASE_URL: takes no parameters");
        return;
    }
    let (port, name, folder) = parts(&database);
    for url in [
        format!("postgres://postgres@/{name}?host={folder}&port={port}"),
        format!("postgres://postgres@127.0.0.1:1,127.0.0.1:{port}/{name}"),
        format!("postgresql://postgres@localhost:{port}/{name}?prepared_statements=off"),
        format!("postgres:///{name}?host=127.0.0.1&port={port}&user=postgres"),
    ] {
        run(database.command(&["users", "list"]).env("DATABASE_URL", &url)).ok();
    }
    // No message shows a password, and each names what failed.
    for (url, code, expected) in [
        (format!("postgres://vest:100%secret@127.0.0.1:{port}/{name}"), 2, "percent-encoded"),
        (format!("postgres://vest:se/cret@127.0.0.1:{port}/{name}"), 2, "percent-encode"),
        (format!("postgres://vest:secret@127.0.0.1:{port}/{name}"), 3, "role \"vest\" does not exist"),
        (format!("postgres://postgres:secret@127.0.0.1:{port}/nowhere"), 3, "database \"nowhere\" does not exist"),
        (format!("postgres://postgres:secret@127.0.0.1:1/{name}"), 3, "port 1 failed"),
    ] {
        let output = run(database.command(&["users", "list"]).env("DATABASE_URL", &url));
        assert!(!output.err.contains("secret") && !output.err.contains("cret"), "{}", output.err);
        output.fails(code, expected);
    }
}

#[test]
fn database_in_another_encoding_is_rejected() {
    let database = TestDatabase::create();
    let Some(mut admin) = DirectConnection::admin(&database) else {
        assert!(database.sqlite_file().is_some(), "SQLite has one encoding");
        return;
    };
    let (_, name, _) = parts(&database);
    let latin = format!("{name}_latin");
    admin.run(&format!("CREATE DATABASE \"{latin}\" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"));
    let url = database.url.replace(&name, &latin);
    for arguments in [&["migrate", "run"][..], &["serve"]] {
        let mut command = database.command(arguments);
        command.env("DATABASE_URL", &url).env("DATABASE_START_WAIT", "0s").env("BIND", "127.0.0.1:0");
        run(&mut command).fails(1, "the database has the encoding LATIN1, but UTF8 is needed");
    }
    admin.run(&format!("DROP DATABASE \"{latin}\""));
}
