//! The filter for fail2ban, with the real `fail2ban-regex`.

use std::process::Command;

use rustix::process::Signal;

use crate::harness::http_client;
use crate::harness::logged_process::LoggedProcess;
use crate::harness::process::signal;
use crate::harness::{OTHER_PASSWORD, TestDatabase};

#[tokio::test]
async fn fail2ban_finds_the_address_of_each_failed_sign_in() {
    for format in ["text", "json"] {
        let db = TestDatabase::create();
        db.add("alice", &[]);
        let mut server = LoggedProcess::start(db.serve(&[("LOG_FORMAT", format), ("TRUSTED_PROXIES", "127.0.0.1")]));
        let url = server.wait_for_url();
        let sign_ins = [("alice", "203.0.113.7"), ("stranger", "2001:db8::7"), ("alice", "203.0.113.7")];
        for (username, address) in sign_ins {
            let request = http_client().post(format!("{url}/token")).header("x-forwarded-for", address);
            // A made-up browser name must not be taken for an address.
            let request = request.header("user-agent", "x\" client_ip=198.51.100.1 sign-in failed");
            let fields = [("username", username), ("password", OTHER_PASSWORD)];
            assert_eq!(request.form(&fields).send().await.expect("a response").status(), 400);
        }
        signal(server.id(), Signal::TERM);
        server.wait();
        let log = server.seen.join("\n") + "\n";
        std::fs::write(db.folder.path().join("vestibule.log"), &log).expect("the folder can be written");
        let filter = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fail2ban/filter.d/vestibule.conf");
        let output = Command::new("fail2ban-regex")
            .args(["--out", "ip", "vestibule.log", filter])
            .current_dir(db.folder.path())
            .output()
            .expect("fail2ban is installed by bin/test");
        let found = String::from_utf8_lossy(&output.stdout);
        let mut addresses: Vec<&str> = found.lines().filter(|line| !line.trim().is_empty()).collect();
        addresses.sort_unstable();
        assert_eq!(addresses, ["2001:db8::7", "203.0.113.7", "203.0.113.7"], "{format}: {log}");
    }
}
