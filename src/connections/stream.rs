//! A TCP stream that ends when a request head or a response takes too long.

use std::cell::Cell;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ConnectionLimits;
use super::count::ConnectionPermit;

/// Bytes read before what they ask for is written. Without this limit, a client that sends many requests at once and
/// reads no response would fill the memory with responses.
const READ_AHEAD_BYTES: usize = 8 * 1024;
/// What the kernel holds of requests and of responses (it doubles the number). Without it, a client that does not read
/// occupies several megabytes.
const SOCKET_BUFFER_BYTES: usize = 64 * 1024;
/// How long the kernel sends data again that no client acknowledges, also after the connection was closed.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(20);
/// The response to a head that is not complete in time (RFC 9110 §15.5.9).
const HEAD_TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What the connection is doing. The stream and the service of one connection share it.
pub(super) struct Exchange {
    state: Cell<State>,
    deadline: Cell<Instant>,
    limits: ConnectionLimits,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for the end of a request's head.
    AwaitingHead,
    /// A handler works, or its response is taken from the body.
    Responding,
    /// The end of the response is in the write buffer.
    Flushing,
}

impl Exchange {
    fn new(limits: ConnectionLimits) -> Self {
        let deadline = Instant::now() + limits.head_timeout;
        Self { state: Cell::new(State::AwaitingHead), deadline: Cell::new(deadline), limits }
    }

    /// Records that a head is complete. Requests that were sent at once share the deadline of the first.
    pub(super) fn begin_response(self: &Rc<Self>) -> ResponseInProgress {
        if self.state.replace(State::Responding) == State::AwaitingHead {
            self.deadline.set(Instant::now() + self.limits.response_timeout);
        }
        ResponseInProgress(Rc::clone(self))
    }

    /// Records that the write buffer is empty.
    fn end_flush(&self) {
        if self.state.get() == State::Flushing {
            self.state.set(State::AwaitingHead);
            self.deadline.set(Instant::now() + self.limits.head_timeout);
        }
    }
}

/// A response that is not written yet; dropped with the end of its body.
pub(super) struct ResponseInProgress(Rc<Exchange>);

impl Drop for ResponseInProgress {
    fn drop(&mut self) {
        self.0.state.set(State::Flushing);
    }
}

/// A client's connection.
pub(super) struct LimitedStream {
    stream: TcpStream,
    exchange: Rc<Exchange>,
    timer: Pin<Box<Sleep>>,
    /// Whether the client has to read before more can be written.
    is_write_blocked: bool,
    /// Whether a read was put off until then.
    is_read_put_off: bool,
    read_ahead: usize,
    _permit: ConnectionPermit,
}

impl LimitedStream {
    pub(super) fn new(stream: TcpStream, permit: ConnectionPermit, limits: ConnectionLimits) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_TIMEOUT.as_millis().try_into().unwrap_or(u32::MAX))?;
        // A response has several parts: the kernel would keep the last one until the client acknowledges the one before,
        // which it does after 40 milliseconds.
        stream.set_nodelay(true)?;
        sockopt::set_socket_send_buffer_size(&stream, SOCKET_BUFFER_BYTES)?;
        sockopt::set_socket_recv_buffer_size(&stream, SOCKET_BUFFER_BYTES)?;
        let exchange = Rc::new(Exchange::new(limits));
        Ok(Self {
            stream,
            timer: Box::pin(sleep_until(exchange.deadline.get())),
            exchange,
            is_write_blocked: false,
            is_read_put_off: false,
            read_ahead: 0,
            _permit: permit,
        })
    }

    pub(super) fn exchange(&self) -> &Rc<Exchange> {
        &self.exchange
    }

    /// Fails after the deadline, and otherwise has the task woken then. The HTTP service reads, writes or flushes at
    /// each wake-up, and drops a stream that fails.
    fn check_deadline(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let deadline = self.exchange.deadline.get();
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                self.give_up();
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(deadline);
        }
        Ok(())
    }

    fn give_up(&self) {
        if self.is_write_blocked {
            // Drops what the kernel still holds for a client that does not read.
            let _ = sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        } else if self.exchange.state.get() == State::AwaitingHead {
            let _ = self.stream.try_write(HEAD_TIMED_OUT);
        }
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_deadline(context)?;
        if self.is_write_blocked {
            self.is_read_put_off = true;
            return Poll::Pending;
        }
        if self.read_ahead >= READ_AHEAD_BYTES {
            self.read_ahead = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.read_ahead = if result.is_pending() { 0 } else { self.read_ahead + buffer.filled().len() - before };
        result
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_deadline(context)?;
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.is_write_blocked = result.is_pending();
        if !self.is_write_blocked && std::mem::take(&mut self.is_read_put_off) {
            context.waker().wake_by_ref();
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The HTTP service flushes when its write buffer is empty.
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.exchange.end_flush();
        self.check_deadline(context)?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
