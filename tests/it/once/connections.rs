//! Connections of clients that send or read too slowly, or open too many.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule::clock::Clock;
use vestibule::connections::ConnectionLimits;
use vestibule::server::Limits;

use crate::harness::{ServerProcess, TestApp, TestDatabase, TestResponse};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// A megabyte, and half of it in gzip.
const LARGE: &str = "/docs/swagger-ui-bundle.js";

/// A server with these limits of connections.
async fn start(change: impl FnOnce(&mut ConnectionLimits)) -> TestApp {
    let mut limits = Limits::default();
    change(&mut limits.connections);
    TestApp::start_with_limits(TestDatabase::create(), Clock::system(), limits, |_| {}).await
}

fn connect(url: &str) -> TcpStream {
    let address: SocketAddr = url.strip_prefix("http://").expect("http").parse().expect("an address");
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// Sends a request and reads its response, which fits into one packet.
fn exchange(stream: &mut TcpStream) {
    stream.write_all(REQUEST).expect("the connection is open");
    let mut response = [0; 4_096];
    let count = stream.read(&mut response).expect("a response");
    assert!(response[..count].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&response[..count]));
}

/// What the server sends until it closes the connection.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the server did not close the connection"),
    }
    String::from_utf8_lossy(&rest).into_owned()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test]
async fn half_sent_head_is_408_after_the_deadline_on_every_request_of_a_connection() {
    // Long enough for one request on each of the connections.
    let app = start(|limits| limits.head_timeout = Duration::from_secs(3)).await;
    let url = app.url.clone();
    blocking(move || {
        let mut streams: Vec<TcpStream> = (0..100).map(|_| connect(&url)).collect();
        for (at, stream) in streams.iter_mut().enumerate() {
            exchange(stream);
            if at % 2 == 0 {
                stream.write_all(b"GET /heal").expect("the connection is open");
            } else {
                // Together with a whole request.
                stream.write_all(&[REQUEST, b"GET /heal"].concat()).expect("the connection is open");
            }
        }
        for stream in &mut streams {
            assert!(read_to_end(stream).contains("HTTP/1.1 408 "));
        }
    })
    .await;
    assert_eq!(app.get("/healthz").send().await.expect("a response").status(), 200);
}

#[tokio::test]
async fn early_response_reaches_a_client_that_still_sends() {
    let app = start(|_| {}).await;
    let url = app.url.clone();
    let response = blocking(move || {
        let mut stream = connect(&url);
        let head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("the connection is open");
        stream.write_all(&vec![b'x'; 1_000_000]).expect("the server reads on");
        read_to_end(&mut stream)
    })
    .await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
}

#[tokio::test]
async fn head_that_arrives_byte_by_byte_does_not_extend_its_deadline() {
    let app = start(|limits| limits.head_timeout = Duration::from_secs(1)).await;
    let url = app.url.clone();
    // The second also never ends its body, which the server reads to its end after an early response.
    for (request, byte) in
        [(REQUEST, b"G"), (b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"0")]
    {
        let url = url.clone();
        blocking(move || {
            let mut stream = connect(&url);
            stream.write_all(request).expect("the connection is open");
            let begun = Instant::now();
            while stream.write_all(byte).is_ok() {
                assert!(begun.elapsed() < Duration::from_secs(20), "the connection is still open");
                std::thread::sleep(Duration::from_millis(50));
            }
        })
        .await;
    }
}

#[tokio::test]
async fn head_in_two_parts_and_pipelined_requests_get_responses() {
    let app = start(|_| {}).await;
    let url = app.url.clone();
    blocking(move || {
        let mut stream = connect(&url);
        exchange(&mut stream);
        let (first, second) = REQUEST.split_at(10);
        stream.write_all(first).expect("the connection is open");
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(&[second, REQUEST, REQUEST].concat()).expect("the connection is open");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("open");
        assert_eq!(read_to_end(&mut stream).matches("HTTP/1.1 200 ").count(), 4);
    })
    .await;
}

#[tokio::test]
async fn response_that_is_not_read_ends_at_the_deadline() {
    let app = start(|limits| limits.response_timeout = Duration::from_secs(1)).await;
    let url = app.url.clone();
    blocking(move || {
        let streams: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut stream = connect(&url);
                rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 4_096).expect("Linux can");
                let request = format!("GET {LARGE} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
                stream.write_all(request.as_bytes()).expect("the connection is open");
                stream
            })
            .collect();
        let begun = Instant::now();
        for stream in streams {
            while stream.take_error().expect("a socket").is_none() {
                assert!(begun.elapsed() < Duration::from_secs(20), "the connection is still open");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn slow_reader_gets_the_whole_response_within_the_deadline() {
    let app = start(|_| {}).await;
    let url = app.url.clone();
    let request = format!("GET {LARGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let slow = blocking(move || {
        let mut stream = connect(&url);
        rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 65_536).expect("Linux can");
        stream.write_all(request.as_bytes()).expect("the connection is open");
        let (mut response, mut part) = (Vec::new(), vec![0; 50_000]);
        while let Ok(count @ 1..) = stream.read(&mut part) {
            response.extend_from_slice(&part[..count]);
            std::thread::sleep(Duration::from_millis(2));
        }
        response
    })
    .await;
    let whole = TestResponse::to(app.get(LARGE)).await.body;
    assert!(whole.len() > 300_000, "{}", whole.len());
    assert!(slow.ends_with(&whole));
}

/// The memory of a process in KiB.
fn memory_kib(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

/// What 200 connections may take: a fifth of one response for each.
const GROWTH_KIB: usize = 25 * 1024;
/// More responses than the kernel holds.
const REQUESTS: usize = 16;

#[tokio::test]
async fn clients_that_do_not_read_do_not_fill_the_memory() {
    let database = TestDatabase::create();
    let server = ServerProcess::start(&database, &[]);
    let (url, id) = (server.url.clone(), server.id());
    let whole = TestResponse::to(crate::harness::http_client().get(format!("{url}{LARGE}"))).await.body.len();
    assert!(whole * 200 > 4 * GROWTH_KIB * 1024, "{whole}");
    blocking(move || {
        let before = memory_kib(id);
        let requests = format!("GET {LARGE} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(REQUESTS);
        let mut streams: Vec<TcpStream> = (0..200)
            .map(|_| {
                let stream = connect(&url);
                rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 4_096).expect("Linux can");
                stream
            })
            .collect();
        for stream in &mut streams {
            stream.write_all(requests.as_bytes()).expect("the connection is open");
        }
        for stream in &mut streams {
            assert_eq!(stream.peek(&mut [0]).expect("the server has begun its response"), 1);
        }
        // By the time of these responses, each worker has written as much as it can.
        for _ in 0..20 {
            exchange(&mut connect(&url));
        }
        let growth = memory_kib(id).saturating_sub(before);
        assert!(growth < GROWTH_KIB, "{growth} KiB");
    })
    .await;
}

#[tokio::test]
async fn requests_without_reading_are_not_read_either_and_get_responses_later() {
    let app = start(|_| {}).await;
    let url = app.url.clone();
    let request = b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    blocking(move || {
        let mut stream = connect(&url);
        stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        let many = request.repeat(1_000);
        let mut sent = 0;
        while let Ok(count @ 1..) = stream.write(&many[sent % request.len()..]) {
            sent += count;
            assert!(sent < 32 << 20, "the server reads requests although its responses are not read");
        }
        stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut writer = stream.try_clone().expect("a descriptor");
        let (rest, last) = (sent % request.len(), b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let reader = std::thread::spawn(move || read_to_end(&mut stream).matches("HTTP/1.1 200 ").count());
        if rest > 0 {
            writer.write_all(&request[rest..]).expect("the connection is open");
        }
        writer.write_all(last).expect("the connection is open");
        assert_eq!(reader.join().expect("no panic"), sent.div_ceil(request.len()) + 1);
    })
    .await;
}

#[tokio::test]
async fn connections_from_one_network_are_limited_and_those_of_proxies_are_not() {
    let mut limits = Limits::default();
    limits.connections.per_network = 3;
    for proxies in ["", "127.0.0.0/8"] {
        let set = |settings: &mut vestibule::config::Settings| settings.set("TRUSTED_PROXIES", proxies);
        let app = TestApp::start_with_limits(TestDatabase::create(), Clock::system(), limits, set).await;
        let url = app.url.clone();
        blocking(move || {
            let mut held: Vec<TcpStream> = (0..3).map(|_| connect(&url)).collect();
            held.iter_mut().for_each(exchange);
            let mut fourth = connect(&url);
            if proxies.is_empty() {
                assert_eq!(read_to_end(&mut fourth), "");
                drop(held);
                let begun = Instant::now();
                // The server notices the closed connections a moment later.
                loop {
                    let mut stream = connect(&url);
                    let _ = stream.write_all(REQUEST);
                    if matches!(stream.read(&mut [0; 4_096]), Ok(1..)) {
                        break;
                    }
                    assert!(begun.elapsed() < Duration::from_secs(20), "the connections are still counted");
                }
            } else {
                exchange(&mut fourth);
            }
        })
        .await;
    }
}

/// The connections that the server has accepted. Those in the backlog belong to no file descriptor, whose inode is 0.
///
/// The table may list a connection twice, as it is read in parts while other connections come and go: each inode counts
/// once.
fn accepted_connections(url: &str) -> usize {
    let port: u16 = url.rsplit_once(':').expect("a port").1.parse().expect("a port");
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_accepted = fields[1].ends_with(&format!(":{port:04X}")) && fields[3] == "01" && fields[9] != "0";
        is_accepted.then(|| fields[9].to_owned())
    };
    table.lines().skip(1).filter_map(inode).collect::<HashSet<String>>().len()
}

#[tokio::test]
async fn connections_stay_below_the_limit_of_descriptors() {
    let database = TestDatabase::create();
    let serve = database.serve(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "ulimit -S -n 64; ulimit -H -n 200; exec \"$0\" serve"]).arg(serve.get_program());
    command.current_dir(database.folder.path()).env_clear().stderr(std::process::Stdio::piped());
    command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut server = ServerProcess::from_command(command).expect("the server starts");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("it runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert_eq!(line.split_whitespace().filter(|word| *word == "200").count(), 2, "{line}");
    let url = server.url.clone();
    let open = blocking(move || {
        // More than may be open, and fewer than twice as many.
        let streams: Vec<TcpStream> = (0..100).map(|_| connect(&url)).collect();
        let mut last = connect(&url);
        // Waits in the backlog until the idle ones are closed, ten seconds later.
        let waiting = std::thread::spawn(move || exchange(&mut last));
        // Not while they are closed: the table is not read in one moment.
        let (begun, mut most) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(5) {
            most = most.max(accepted_connections(&url));
            std::thread::sleep(Duration::from_millis(20));
        }
        waiting.join().expect("a response");
        drop(streams);
        most
    })
    .await;
    assert!((1..=200 - 128).contains(&open), "{open}");
    server.signal(Signal::TERM);
    let mut log = String::new();
    server.take_stderr().read_to_string(&mut log).expect("text");
    assert!(!log.contains("Error accepting connection"), "{log}");
}

#[tokio::test]
async fn backlog_holds_a_burst_of_connections() {
    let database = TestDatabase::create();
    let server = ServerProcess::start(&database, &[]);
    server.signal(Signal::STOP);
    let url = server.url.clone();
    let streams = blocking(move || (0..600).map(|_| connect(&url)).collect::<Vec<_>>()).await;
    server.signal(Signal::CONT);
    assert_eq!(streams.len(), 600);
}
