//! The open loop: one request on a schedule, however slow the responses are.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;

use super::Target;
use super::response::{BUFFER_BYTES, ResponseShape};

/// With this many connections, a response may take as many periods before the next request is late.
const CONNECTIONS: u32 = 32;

#[derive(Args)]
pub struct Open {
    #[command(flatten)]
    target: Target,
    /// Requests per second
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

/// Sends requests on schedule and prints their latencies.
pub fn run(open: &Open) -> anyhow::Result<()> {
    let requests = open.target.read_requests()?;
    let period = Duration::from_secs(1) / open.rate;
    let total = (open.target.seconds * f64::from(open.rate)).round();
    // Leaves time to open all connections and send one request on each.
    let start = Instant::now() + Duration::from_secs(1);
    let latencies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|first| {
                let due = (first..).step_by(CONNECTIONS as usize).take_while(move |at| f64::from(*at) < total);
                let due = due.map(move |at| start + period * at);
                let request = &requests[0];
                scope.spawn(move || latencies(open.target.address, request, due))
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().expect("the thread returns its errors"));
        results.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut latencies = latencies.concat();
    latencies.sort();
    let at = |percent: usize| latencies[(latencies.len() * percent).div_ceil(100) - 1].as_micros();
    println!(
        "{}",
        json!({ "requests": latencies.len(), "p50_micros": at(50), "p99_micros": at(99), "max_micros": at(100) })
    );
    Ok(())
}

fn latencies(address: SocketAddr, request: &[u8], due: impl Iterator<Item = Instant>) -> anyhow::Result<Vec<Duration>> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut send = || -> anyhow::Result<()> {
        stream.write_all(request)?;
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..])?;
            ensure!(read > 0, "the server closed the connection, or its response exceeds {BUFFER_BYTES} bytes");
            filled += read;
            match ResponseShape::parse(&buffer[..filled])? {
                None => {}
                Some(ResponseShape { status: 200, .. }) => return Ok(()),
                Some(ResponseShape { status, .. }) => bail!("status {status}"),
            }
        }
    };
    send()?;
    due.map(|due| {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        send()?;
        Ok(due.elapsed())
    })
    .collect()
}
