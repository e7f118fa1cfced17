//! One request over and over on a schedule. What may not live here: how fast it can go (`closed.rs`).

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;

use super::Target;
use super::answer::{BUFFER, Shape};

/// An answer may take so many periods before its connection's next request goes out late.
const OPEN_CONNECTIONS: u32 = 32;

#[derive(Args)]
pub struct Open {
    #[command(flatten)]
    target: Target,
    /// Requests a second
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

/// Sends on schedule until the time is over, and prints how long answers took.
pub fn run(open: &Open) -> anyhow::Result<()> {
    let requests = open.target.read_requests()?;
    let period = Duration::from_secs(1) / open.rate;
    let total = (open.target.seconds * f64::from(open.rate)).round();
    // Time for all connections to be made and to have carried one request.
    let start = Instant::now() + Duration::from_secs(1);
    let latencies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..OPEN_CONNECTIONS)
            .map(|first| {
                let due = (first..).step_by(OPEN_CONNECTIONS as usize).take_while(move |at| f64::from(*at) < total);
                let due = due.map(move |at| start + period * at);
                let request = &requests[0];
                scope.spawn(move || latencies(open.target.address, request, due))
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().expect("the thread returns its faults"));
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
    let mut buffer = vec![0; BUFFER];
    let mut ask = || -> anyhow::Result<()> {
        stream.write_all(request)?;
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..])?;
            ensure!(read > 0, "the server closed the connection, or its answer is over {BUFFER} bytes");
            filled += read;
            match Shape::of_whole(&buffer[..filled])? {
                None => {}
                Some(Shape { status: 200, .. }) => return Ok(()),
                Some(Shape { status, .. }) => bail!("status {status}"),
            }
        }
    };
    ask()?;
    due.map(|due| {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        ask()?;
        Ok(due.elapsed())
    })
    .collect()
}
