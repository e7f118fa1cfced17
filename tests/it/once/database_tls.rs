//! A PostgreSQL server that declines TLS and asks for the password in clear text does not get it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use vestibule::db::{Db, DbError};

use crate::harness::TestDatabase;
use crate::harness::direct_database::config_of;
use crate::harness::logged_process::LoggedProcess;
use crate::harness::postgres_proxy::read_startup;

/// Starts a server that asks every client for its password (`AuthenticationCleartextPassword`). Returns its address, and
/// what each client sends next.
fn start_thief() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            if read_startup(&mut client).is_none() || client.write_all(b"R\0\0\0\x08\0\0\0\x03").is_err() {
                continue;
            }
            let mut bytes = Vec::new();
            let mut buffer = [0; 256];
            // The client waits after it has sent its password, and closes if it refuses.
            if let Ok(length) = client.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..length]);
            }
            let _ = sender.send(bytes);
        }
    });
    (address, received)
}

#[tokio::test]
async fn password_is_not_sent_in_clear_text_unless_it_is_allowed() {
    for (parameters, is_sent) in [("", false), ("?sslmode=allow", false), ("?require_auth=password", true)] {
        let (address, received) = start_thief();
        let url = format!("postgres://me:hunter2@{address}/name{parameters}");
        let read: Result<(), DbError> = Db::new(&config_of(&url).database).read(|_| Ok(())).await;
        let error = read.expect_err("the server does not let anybody in");
        assert!(!error.reason().contains("hunter2"), "{}", error.reason());
        // A client of the test, after all connections of the pool.
        let mut last = TcpStream::connect(&address).expect("it listens");
        last.write_all(&[&[0, 0, 0, 8, 0, 3, 0, 0][..], b"end"].concat()).expect("it reads");
        let sent: Vec<Vec<u8>> = received.iter().take_while(|bytes| bytes != b"end").collect();
        assert!(!sent.is_empty(), "{parameters}: a client came");
        for bytes in sent {
            assert_eq!(String::from_utf8_lossy(&bytes).contains("hunter2"), is_sent, "{parameters}: {bytes:?}");
        }
    }
}

#[test]
fn unverified_connection_beyond_this_machine_is_reported_at_start() {
    let database = TestDatabase::empty();
    // The address is reserved for documentation (RFC 5737), and no host has it.
    let url = "postgres://me:hunter2@192.0.2.1/name?connect_timeout=2";
    let mut server = LoggedProcess::start(database.serve(&[("DATABASE_URL", url)]));
    let line = server.wait_for("is not protected by verified TLS");
    assert!(line.contains("192.0.2.1") && !line.contains("hunter2"), "{line}");
}
