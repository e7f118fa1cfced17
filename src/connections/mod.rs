//! Connections of clients: accepting, limits of their number, and a deadline for every request head and response.
//!
//! `actix_web::HttpServer` has a deadline for the first head of a connection only, and none for a client that does not
//! read. This module gives its HTTP service a stream that has both.

mod count;
mod response;
mod stream;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::rt::net::TcpStream;
use ipnet::IpNet;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::count::ConnectionCount;
use self::stream::LimitedStream;

/// Connections that the kernel completes before this process accepts them. Linux shortens it to `net.core.somaxconn`.
const BACKLOG: i32 = 1_024;
/// Descriptors that are kept for databases, files, mail servers and the runtime.
const RESERVED_DESCRIPTORS: u64 = 128;
/// Bytes of a response that wait in this process; the rest is taken from the body when these are sent.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// How long a request body is read after an early response, such as 413. Closing at once would reset the connection, and
/// the client would lose the response.
const LINGER: Duration = Duration::from_secs(1);

/// Limits of connections; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// All connections together. Fewer if the process may not open as many descriptors.
    pub total: usize,
    /// Connections from one IPv4 address or one IPv6 /64, except those of trusted proxies.
    pub per_network: usize,
    /// The time for a request head, from the connection or the end of the last response. Idle connections are closed
    /// after the five seconds of actix-http's default, so a head has at least as long again.
    pub head_timeout: Duration,
    /// The time from the end of a request's head to the end of its response. The largest, Swagger UI's script, needs
    /// 8 KB/s.
    pub response_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 4_096,
            per_network: 256,
            head_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_mins(1),
        }
    }
}

/// Raises the number of descriptors that this process may open as far as the operating system allows.
pub fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "cannot raise the limit of open files; fewer connections are accepted at the same time");
    }
}

/// Starts to listen with the backlog of this server. With `only_ipv6`, `[::]` leaves the same port of IPv4 to another
/// listener; the standard library, which has no such option, would take both.
pub fn bind(address: SocketAddr, only_ipv6: bool) -> io::Result<TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // A restarted server can listen although connections of the old one linger.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() && only_ipv6 {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// A server under construction.
pub struct Connections {
    builder: ServerBuilder,
    count: ConnectionCount,
    limits: ConnectionLimits,
}

impl Connections {
    /// A server with this number of workers.
    #[must_use]
    pub fn new(workers: usize, limits: ConnectionLimits, trusted_proxies: Vec<IpNet>) -> Self {
        let workers = workers.max(1);
        let total = limits.total.min(descriptors_for_connections());
        // Beyond it, connections wait in the backlog.
        let builder = Server::build().workers(workers).max_concurrent_connections((total / workers).max(1));
        Self { builder, count: ConnectionCount::new(limits.per_network, trusted_proxies), limits }
    }

    /// Changes the builder.
    #[must_use]
    pub fn configure(self, change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    /// Serves the application that `factory` builds for each worker.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn listen<F, I, S, B>(self, listener: TcpListener, factory: F) -> io::Result<Self>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = actix_web::Error>
            + 'static,
        S::InitError: fmt::Debug,
        S::Service: 'static,
        S::Future: 'static,
        B: MessageBody + 'static,
    {
        let Self { builder, count, limits } = self;
        let (shutdown, connections) = (builder.graceful_shutdown_signal(), count.clone());
        let service = move || {
            let shutdown = shutdown.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let shutdown = shutdown.clone();
                    async move { shutdown.notified().await }
                })
                // The stream has the deadline of every head.
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(LINGER)
                .h1_write_buffer_size(WRITE_BUFFER_BYTES)
                .on_connect_ext(|stream: &LimitedStream, data| {
                    data.insert(Rc::clone(stream.exchange()));
                })
                .finish(response::with_deadline(map_config(factory(), |()| AppConfig::default())));
            accept(connections.clone(), limits).and_then(http)
        };
        let builder = builder.listen("http", listener, service)?;
        Ok(Self { builder, count, limits })
    }

    /// Starts the server.
    pub fn run(self) -> Server {
        self.builder.run()
    }
}

/// Turns an accepted connection into one with limits, or closes it if its network has too many.
fn accept(
    count: ConnectionCount,
    limits: ConnectionLimits,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (LimitedStream, Protocol, Option<SocketAddr>),
    Error = DispatchError,
    InitError = (),
> {
    fn_service(move |stream: TcpStream| {
        let count = count.clone();
        async move {
            let peer = stream.peer_addr()?;
            let permit = count.acquire(peer.ip()).ok_or_else(|| io::Error::from(io::ErrorKind::QuotaExceeded))?;
            Ok((LimitedStream::new(stream, permit, limits)?, Protocol::Http1, Some(peer)))
        }
    })
}

/// How many connections may be open at the same time, for the limit of descriptors.
fn descriptors_for_connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors.saturating_sub(RESERVED_DESCRIPTORS)).unwrap_or(usize::MAX)
}
