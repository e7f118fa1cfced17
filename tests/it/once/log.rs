//! The report of lines that the log lost.

use std::io::{Read as _, Write as _};

use crate::harness::direct_database::DirectConnection;
use crate::harness::{ServerProcess, TestDatabase, TestResponse};
use crate::log::PIPE_BYTES;

/// More than the pipe and the queue of the log have room for.
const LINES: usize = 1_500;

#[tokio::test]
async fn log_reports_lost_lines_once_it_can_be_written_again() {
    for format in ["text", "json"] {
        let database = TestDatabase::create();
        let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(&vec![b'x'; PIPE_BYTES]).expect("the pipe has room for as much");
        let mut command = database.serve(&[("METRICS_BIND", "127.0.0.1:0"), ("LOG_FORMAT", format)]);
        command.stderr(writer);
        let mut server = ServerProcess::from_command(command).expect("the server starts");
        let mut direct = DirectConnection::open(&database);
        direct.run("ALTER TABLE refresh_tokens RENAME TO tokens_away");
        let form = [("token", "A".repeat(43))];
        let client = crate::harness::http_client();
        for _ in 0..LINES {
            // Each logs a line.
            let response = TestResponse::to(client.post(format!("{}/token/revoke", server.url)).form(&form)).await;
            assert_eq!(response.status, 503);
        }
        direct.run("ALTER TABLE tokens_away RENAME TO refresh_tokens");
        let lost = server.counter("vestibule_log_lines_dropped_total").await;
        assert!(lost > 0 && lost < u64::try_from(LINES).expect("small"), "{lost}");
        let reader = std::thread::spawn(move || {
            let mut log = Vec::new();
            reader.read_to_end(&mut log).expect("the pipe can be read");
            String::from_utf8(log).expect("text")
        });
        server.terminate();
        assert_eq!(server.wait().code(), Some(0));
        let log = reader.join().expect("no panic");
        let reports: Vec<_> = log.lines().filter(|line| line.contains("were dropped")).collect();
        let reported = reports.iter().filter_map(|line| {
            let words: Vec<_> = line.split(" lines of the log").next()?.split([' ', '"']).collect();
            words.last()?.parse::<u64>().ok()
        });
        // More can be lost until the pipe is read.
        assert!(reported.sum::<u64>() >= lost, "{lost}: {reports:?}");
        if format == "json" {
            let lines = log.trim_start_matches('x').lines();
            assert!(lines.map(serde_json::from_str::<serde_json::Value>).all(|line| line.is_ok()));
        }
    }
}
