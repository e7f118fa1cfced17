//! The load: raw HTTP/1.1 over kept connections, with as little work a request as it takes, for it shares the processors with what it
//! measures. `closed.rs` sends the next request of a connection when the last was answered, and counts; `refresh.rs` does so with the
//! refresh token of the last answer; `open.rs` sends on a schedule whatever becomes of earlier requests, and measures from the scheduled
//! time (no coordinated omission). `answer.rs` reads answers, `count.rs` counts them and the processor time.
//! What may not live here: what is sent (`bench/run` writes it to a file) and what the numbers mean.

mod answer;
mod closed;
mod count;
mod open;
mod refresh;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Parser};
use tokio::task::LocalSet;

/// Sends HTTP requests and prints what came of it as JSON
#[derive(Parser)]
enum Command {
    /// As fast as answers come
    Closed(closed::Closed),
    /// As fast as answers come, each with the refresh token of the one before
    Refresh(refresh::Refresh),
    /// On a schedule
    Open(open::Open),
}

#[derive(Args)]
struct Target {
    /// Where to
    #[arg(long)]
    address: SocketAddr,
    /// A file with one whole request in each line, as a JSON string
    #[arg(long)]
    requests: PathBuf,
    /// How long to measure
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
