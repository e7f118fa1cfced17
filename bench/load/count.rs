//! Counts of responses and their cost in processor time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

/// The kernel's unit of processor time (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Responses by status, and how long they took if that is measured.
#[derive(Default)]
pub struct ResponseCounts {
    by_status: RefCell<BTreeMap<u16, u64>>,
    latencies: RefCell<Vec<Duration>>,
}

impl ResponseCounts {
    /// Counts a response.
    pub fn add(&self, status: u16) {
        *self.by_status.borrow_mut().entry(status).or_default() += 1;
    }

    /// Counts a response that took this long.
    pub fn add_timed(&self, status: u16, latency: Duration) {
        self.add(status);
        self.latencies.borrow_mut().push(latency);
    }

    /// Resets the counts, waits, and prints the responses since then with the processor time of `pid` and this process.
    pub async fn report(&self, pid: u32, seconds: f64) -> anyhow::Result<()> {
        self.by_status.take();
        self.latencies.take();
        let (start, server_before, own_before) = (Instant::now(), cpu_seconds(pid)?, cpu_seconds(std::process::id())?);
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let mut latencies = self.latencies.take();
        latencies.sort();
        let result = json!({
            "seconds": start.elapsed().as_secs_f64(),
            "responses": *self.by_status.borrow(),
            "p50_micros": latencies.get(latencies.len() / 2).map(Duration::as_micros),
            "server_cpu_seconds": cpu_seconds(pid)? - server_before,
            "load_cpu_seconds": cpu_seconds(std::process::id())? - own_before,
        });
        println!("{result}");
        Ok(())
    }
}

/// Returns the processor time of a process, in user and kernel mode (proc(5), `utime` and `stime`).
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the executable's name in brackets, which may contain spaces.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}
