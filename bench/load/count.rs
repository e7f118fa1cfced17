//! How many answers came, and what they cost in processor time. What may not live here: sending.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

/// What the kernel counts processor time in (`USER_HZ`, proc(5)).
const TICKS_A_SECOND: f64 = 100.0;

/// Answers by their status.
#[derive(Default)]
pub struct Counted(RefCell<BTreeMap<u16, u64>>);

impl Counted {
    /// Counts an answer.
    pub fn add(&self, status: u16) {
        *self.0.borrow_mut().entry(status).or_default() += 1;
    }

    /// Forgets what was counted, counts for some seconds, and prints that with the processor time of `pid` and our own.
    pub async fn report(&self, pid: u32, seconds: f64) -> anyhow::Result<()> {
        self.0.take();
        let (begun, server_before, own_before) = (Instant::now(), cpu_seconds(pid)?, cpu_seconds(std::process::id())?);
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let result = json!({
            "seconds": begun.elapsed().as_secs_f64(),
            "answers": *self.0.borrow(),
            "server_cpu_seconds": cpu_seconds(pid)? - server_before,
            "load_cpu_seconds": cpu_seconds(std::process::id())? - own_before,
        });
        println!("{result}");
        Ok(())
    }
}

/// Processor time that a process has used, its own and the kernel's for it (proc(5), `utime` and `stime`).
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in brackets, which may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}
