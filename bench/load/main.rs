//! A load generator: raw HTTP/1.1 over persistent connections, with little work per request, because it shares the
//! processors with the server that it measures.

mod closed;
mod count;
mod open;
mod refresh;
mod response;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Parser};
use tokio::task::LocalSet;

/// Sends HTTP requests and prints the results as JSON
#[derive(Parser)]
enum Command {
    /// Closed loop: each connection sends its next request when the response arrives
    Closed(closed::Closed),
    /// Closed loop of refreshes, each with the refresh token of the previous response
    Refresh(refresh::Refresh),
    /// Open loop: requests on a schedule, with latencies from the scheduled time (no coordinated omission)
    Open(open::Open),
}

#[derive(Args)]
struct Target {
    /// Address of the server
    #[arg(long)]
    address: SocketAddr,
    /// File with one complete request per line, as a JSON string
    #[arg(long)]
    requests: PathBuf,
    /// Seconds to measure
    #[arg(long)]
    seconds: f64,
}

impl Target {
    fn read_requests(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let text = std::fs::read_to_string(&self.requests).context("--requests")?;
        let requests = text.lines().map(|line| Ok(serde_json::from_str::<String>(line)?.into_bytes()));
        let requests = requests.collect::<anyhow::Result<Vec<_>>>().context("--requests")?;
        ensure!(!requests.is_empty(), "--requests: the file is empty");
        Ok(requests)
    }
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Closed(closed) => on_one_thread(closed::run(closed)),
        Command::Refresh(refresh) => on_one_thread(refresh::run(refresh)),
        Command::Open(open) => open::run(&open),
    }
}

fn on_one_thread(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}
