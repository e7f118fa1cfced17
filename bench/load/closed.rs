//! The closed loop: each connection sends its next request when the response arrives.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Target;
use super::count::ResponseCounts;
use super::response::{BUFFER_BYTES, ResponseShape};

/// With `--pick hot`: one of this many requests is not the first of the file.
const HOT_PERIOD: u64 = 10;

#[derive(Args)]
pub struct Closed {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds to send before measuring
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    #[arg(long, value_enum)]
    pick: Pick,
    /// Process whose processor time is reported
    #[arg(long)]
    pid: u32,
}

/// Which request a connection sends.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pick {
    /// The first one of the file, and each tenth time the next of all; during the warm-up, each one once
    Hot,
    /// The one whose line in the file is the connection's number
    Own,
    /// The next one of the file, whichever connection it is; after the last, the first
    Each,
}

/// State of all connections, which run on one thread.
struct SharedState {
    requests: Vec<Vec<u8>>,
    pick: Pick,
    sent: Cell<u64>,
    next: Cell<usize>,
    counts: ResponseCounts,
}

impl SharedState {
    fn next_request(&self, connection: usize) -> &[u8] {
        let count = self.requests.len();
        if self.pick == Pick::Own {
            return &self.requests[connection % count];
        }
        self.sent.set(self.sent.get() + 1);
        if self.pick == Pick::Hot && self.has_sent_all() && !self.sent.get().is_multiple_of(HOT_PERIOD) {
            return &self.requests[0];
        }
        let next = self.next.get();
        self.next.set(next + 1);
        &self.requests[next % count]
    }

    fn has_sent_all(&self) -> bool {
        self.pick != Pick::Hot || self.next.get() >= self.requests.len()
    }
}

/// Sends requests and prints the counted responses.
pub async fn run(closed: Closed) -> anyhow::Result<()> {
    let shared = Rc::new(SharedState {
        requests: closed.target.read_requests()?,
        pick: closed.pick,
        sent: Cell::new(0),
        next: Cell::new(0),
        counts: ResponseCounts::default(),
    });
    for number in 0..closed.connections {
        let (shared, address) = (Rc::clone(&shared), closed.target.address);
        tokio::task::spawn_local(async move {
            // A broken connection ends the run: its requests would be missing from the counts.
            if let Err(error) = drive(number, address, &shared).await {
                eprintln!("connection {number}: {error:#}");
                std::process::exit(1);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs_f64(closed.warm_up)).await;
    ensure!(shared.has_sent_all(), "--warm-up is too short to send every request once");
    shared.counts.report(closed.pid, closed.target.seconds).await
}

async fn drive(number: usize, address: SocketAddr, shared: &SharedState) -> anyhow::Result<()> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut last = ResponseShape::default();
    loop {
        stream.write_all(shared.next_request(number)).await?;
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection, or its response exceeds {BUFFER_BYTES} bytes");
            filled += read;
            if last.matches(&buffer[..filled]) {
                break;
            }
            if let Some(shape) = ResponseShape::parse(&buffer[..filled])? {
                last = shape;
                break;
            }
        }
        shared.counts.add(last.status);
    }
}
