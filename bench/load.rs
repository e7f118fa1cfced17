//! The load: raw HTTP/1.1 over kept connections, with as little work a request as it takes, for it shares the processors with what it
//! measures. `closed` sends the next request of a connection when the last was answered, and counts; `open` sends on a schedule
//! whatever becomes of earlier requests, and measures from the scheduled time (no coordinated omission).
//! What may not live here: what is sent (`bench/run` writes it to a file) and what the numbers mean.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Parser, ValueEnum};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::LocalSet;

/// With `--pick hot`: of so many requests one is another than the first of the file.
const SPREAD_EACH: u64 = 10;
/// Connections of `open`: an answer may take so many periods before its connection's next request goes out late.
const OPEN_CONNECTIONS: u32 = 32;
const BUFFER: usize = 64 * 1024;
/// What the kernel counts processor time in (`USER_HZ`, proc(5)).
const TICKS_A_SECOND: f64 = 100.0;

/// Sends HTTP requests and prints what came of it as JSON
#[derive(Parser)]
enum Command {
    /// As fast as answers come
    Closed(Closed),
    /// On a schedule
    Open(Open),
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

#[derive(Args)]
struct Closed {
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

#[derive(Args)]
struct Open {
    #[command(flatten)]
    target: Target,
    /// Requests a second
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

/// Which request a connection sends.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pick {
    /// The first of the file, but each tenth the next of all; while warming up all of them once
    Hot,
    /// The one that stands at the connection's place in the file
    Own,
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Closed(closed) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            LocalSet::new().block_on(&runtime, run_closed(closed))
        }
        Command::Open(open) => run_open(&open),
    }
}

fn read_requests(file: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(file).context("--requests")?;
    let requests = text.lines().map(|line| Ok(serde_json::from_str::<String>(line)?.into_bytes()));
    let requests = requests.collect::<anyhow::Result<Vec<_>>>().context("--requests")?;
    ensure!(!requests.is_empty(), "--requests: the file is empty");
    Ok(requests)
}

/// What the connections of `closed` share; all run on one thread.
struct Shared {
    requests: Vec<Vec<u8>>,
    pick: Pick,
    sent: Cell<u64>,
    next: Cell<usize>,
    answers: RefCell<BTreeMap<u16, u64>>,
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

async fn run_closed(closed: Closed) -> anyhow::Result<()> {
    let shared = Rc::new(Shared {
        requests: read_requests(&closed.target.requests)?,
        pick: closed.pick,
        sent: Cell::new(0),
        next: Cell::new(0),
        answers: RefCell::default(),
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
    shared.answers.take();
    let (begun, server_before, own_before) =
        (Instant::now(), cpu_seconds(closed.pid)?, cpu_seconds(std::process::id())?);
    tokio::time::sleep(Duration::from_secs_f64(closed.target.seconds)).await;
    let seconds = begun.elapsed().as_secs_f64();
    let result = json!({
        "seconds": seconds,
        "answers": *shared.answers.borrow(),
        "server_cpu_seconds": cpu_seconds(closed.pid)? - server_before,
        "load_cpu_seconds": cpu_seconds(std::process::id())? - own_before,
    });
    println!("{result}");
    Ok(())
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
        *shared.answers.borrow_mut().entry(last.status).or_default() += 1;
    }
}

/// What an answer looks like from outside.
#[derive(Default)]
struct Shape {
    status_line: Vec<u8>,
    status: u16,
    head: usize,
    whole: usize,
}

impl Shape {
    /// Whether an answer looks like this one: as long, its head as long, with the same first line. Reading each head anew would cost
    /// as much as sending.
    fn fits(&self, answer: &[u8]) -> bool {
        answer.len() == self.whole
            && answer.starts_with(&self.status_line)
            && answer[..self.head].ends_with(b"\r\n\r\n")
    }

    /// Reads an answer's head; `None` when more of the answer is to come.
    fn of_whole(answer: &[u8]) -> anyhow::Result<Option<Self>> {
        const LENGTH: &[u8] = b"content-length: ";
        let mut lines = answer.split_inclusive(|byte| *byte == b'\n');
        let status_line = lines.next().unwrap_or_default().to_vec();
        let mut head = status_line.len();
        let mut body = 0;
        for line in lines {
            head += line.len();
            if line == b"\r\n" {
                let status = u16::try_from(status_line.get(9..12).map(number).context("no status")??)?;
                let whole = head + body;
                ensure!(answer.len() <= whole, "more than one answer to one request");
                return Ok((answer.len() == whole).then_some(Self { status_line, status, head, whole }));
            }
            if line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH) {
                body = number(line[LENGTH.len()..].trim_ascii())?;
            }
        }
        Ok(None)
    }
}

fn number(digits: &[u8]) -> anyhow::Result<usize> {
    Ok(std::str::from_utf8(digits)?.parse()?)
}

/// Processor time that a process has used, its own and the kernel's for it (proc(5), `utime` and `stime`).
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in brackets, which may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}

fn run_open(open: &Open) -> anyhow::Result<()> {
    let requests = read_requests(&open.target.requests)?;
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
