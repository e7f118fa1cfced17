//! The same requests over and over, as fast as answers come. What may not live here: requests that hang on answers (`refresh.rs`).

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Target;
use super::answer::{BUFFER, Shape};
use super::count::Counted;

/// With `--pick hot`: of so many requests one is another than the first of the file.
const SPREAD_EACH: u64 = 10;

#[derive(Args)]
pub struct Closed {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long to send before measuring
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    #[arg(long, value_enum)]
    pick: Pick,
    /// The process whose use of processors is told too
    #[arg(long)]
    pid: u32,
}

/// Which request a connection sends.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pick {
    /// The first of the file, but each tenth the next of all; while warming up all of them once
    Hot,
    /// The one that stands at the connection's place in the file
    Own,
}

/// What the connections of `closed` share; all run on one thread.
struct Shared {
    requests: Vec<Vec<u8>>,
    pick: Pick,
    sent: Cell<u64>,
    next: Cell<usize>,
    counted: Counted,
}

impl Shared {
    fn next_request(&self, connection: usize) -> &[u8] {
        let count = self.requests.len();
        if self.pick == Pick::Own {
            return &self.requests[connection % count];
        }
        self.sent.set(self.sent.get() + 1);
        if self.has_sent_all() && !self.sent.get().is_multiple_of(SPREAD_EACH) {
            return &self.requests[0];
        }
        let next = self.next.get();
        self.next.set(next + 1);
        &self.requests[next % count]
    }

    fn has_sent_all(&self) -> bool {
        self.pick == Pick::Own || self.next.get() >= self.requests.len()
    }
}

/// Sends until the time is over, and prints what came of it.
pub async fn run(closed: Closed) -> anyhow::Result<()> {
    let shared = Rc::new(Shared {
        requests: closed.target.read_requests()?,
        pick: closed.pick,
        sent: Cell::new(0),
        next: Cell::new(0),
        counted: Counted::default(),
    });
    for number in 0..closed.connections {
        let (shared, address) = (Rc::clone(&shared), closed.target.address);
        tokio::task::spawn_local(async move {
            // One that breaks ends the run: what it would have sent is missing from the count.
            if let Err(error) = drive(number, address, &shared).await {
                eprintln!("connection {number}: {error:#}");
                std::process::exit(1);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs_f64(closed.warm_up)).await;
    ensure!(shared.has_sent_all(), "--warm-up is too short to send every request once");
    shared.counted.report(closed.pid, closed.target.seconds).await
}

async fn drive(number: usize, address: SocketAddr, shared: &Shared) -> anyhow::Result<()> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER];
    let mut last = Shape::default();
    loop {
        stream.write_all(shared.next_request(number)).await?;
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection, or its answer is over {BUFFER} bytes");
            filled += read;
            if last.fits(&buffer[..filled]) {
                break;
            }
            if let Some(shape) = Shape::of_whole(&buffer[..filled])? {
                last = shape;
                break;
            }
        }
        shared.counted.add(last.status);
    }
}
