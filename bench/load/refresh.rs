//! The closed loop of refreshes: each request sends the newest refresh token of its family.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Target;
use super::count::ResponseCounts;
use super::response::{BUFFER_BYTES, ResponseShape};

#[derive(Args)]
pub struct Refresh {
    /// Each line of `--requests` signs in one family; connections share the families.
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds to send before measuring
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Process whose processor time is reported
    #[arg(long)]
    pid: u32,
}

/// State of all connections, which run on one thread.
struct SharedState {
    /// The newest refresh token of each family.
    tokens: RefCell<Vec<String>>,
    counts: ResponseCounts,
}

/// Signs in the families, refreshes, and prints the counted responses.
pub async fn run(refresh: Refresh) -> anyhow::Result<()> {
    let mut tokens = Vec::new();
    for request in refresh.target.read_requests()? {
        tokens.push(Connection::open(refresh.target.address).await?.send(&request).await?.1);
    }
    let families = tokens.len();
    let shared = Rc::new(SharedState { tokens: RefCell::new(tokens), counts: ResponseCounts::default() });
    for number in 0..refresh.connections {
        let (shared, address) = (Rc::clone(&shared), refresh.target.address);
        tokio::task::spawn_local(async move {
            // A broken connection ends the run: its requests would be missing from the counts.
            if let Err(error) = drive(number % families, address, &shared).await {
                eprintln!("connection {number}: {error:#}");
                std::process::exit(1);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs_f64(refresh.warm_up)).await;
    shared.counts.report(refresh.pid, refresh.target.seconds).await
}

async fn drive(family: usize, address: SocketAddr, shared: &SharedState) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    loop {
        let body = format!("grant_type=refresh_token&refresh_token={}", shared.tokens.borrow()[family]);
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len(),
        );
        let sent_at = Instant::now();
        let (status, token) = connection.send(request.as_bytes()).await?;
        shared.tokens.borrow_mut()[family] = token;
        shared.counts.add_timed(status, sent_at.elapsed());
    }
}

struct Connection {
    stream: tokio::net::TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request and returns the status and the refresh token of the response.
    async fn send(&mut self, request: &[u8]) -> anyhow::Result<(u16, String)> {
        const FIELD: &str = "\"refresh_token\":\"";
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection, or its response exceeds {BUFFER_BYTES} bytes");
            filled += read;
            let response = &self.buffer[..filled];
            let Some(shape) = ResponseShape::parse(response)? else { continue };
            let body = std::str::from_utf8(&response[shape.head_bytes..])?;
            let Some((_, rest)) = body.split_once(FIELD) else { bail!("{}: {body}", shape.status) };
            return Ok((shape.status, rest.split('"').next().context("a token")?.to_owned()));
        }
    }
}
