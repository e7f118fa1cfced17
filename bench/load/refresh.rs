//! Refresh tokens used as fast as answers come: a connection sends the token that its family's last answer gave, alone or with others.
//! What may not live here: what becomes of the access tokens.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Target;
use super::answer::{BUFFER, Shape};
use super::count::Counted;

#[derive(Args)]
pub struct Refresh {
    /// Each line of `--requests` signs a family in; connections share the families.
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long to send before measuring
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// The process whose use of processors is told too
    #[arg(long)]
    pid: u32,
}

/// The newest refresh token of each family.
struct Shared {
    tokens: RefCell<Vec<String>>,
    counted: Counted,
}

/// Signs the families in, refreshes until the time is over, and prints what came of it.
pub async fn run(refresh: Refresh) -> anyhow::Result<()> {
    let mut tokens = Vec::new();
    for request in refresh.target.read_requests()? {
        tokens.push(Connection::open(refresh.target.address).await?.ask(&request).await?.1);
    }
    let families = tokens.len();
    let shared = Rc::new(Shared { tokens: RefCell::new(tokens), counted: Counted::default() });
    for number in 0..refresh.connections {
        let (shared, address) = (Rc::clone(&shared), refresh.target.address);
        tokio::task::spawn_local(async move {
            // One that breaks ends the run: what it would have sent is missing from the count.
            if let Err(error) = drive(number % families, address, &shared).await {
                eprintln!("connection {number}: {error:#}");
                std::process::exit(1);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs_f64(refresh.warm_up)).await;
    shared.counted.report(refresh.pid, refresh.target.seconds).await
}

async fn drive(family: usize, address: SocketAddr, shared: &Shared) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    loop {
        let body = format!("grant_type=refresh_token&refresh_token={}", shared.tokens.borrow()[family]);
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len(),
        );
        let (status, token) = connection.ask(request.as_bytes()).await?;
        shared.tokens.borrow_mut()[family] = token;
        shared.counted.add(status);
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
        Ok(Self { stream, buffer: vec![0; BUFFER] })
    }

    /// The status of the answer, and the refresh token in it.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, String)> {
        const FIELD: &str = "\"refresh_token\":\"";
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection, or its answer is over {BUFFER} bytes");
            filled += read;
            let answer = &self.buffer[..filled];
            let Some(shape) = Shape::of_whole(answer)? else { continue };
            let body = std::str::from_utf8(&answer[shape.head..])?;
            let Some((_, rest)) = body.split_once(FIELD) else { bail!("{}: {body}", shape.status) };
            return Ok((shape.status, rest.split('"').next().context("a token")?.to_owned()));
        }
    }
}
