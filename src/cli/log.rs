//! The log, written to standard error so that standard output can be piped.
//!
//! One thread writes, behind a bounded queue. A reader that does not read, a closed pipe or a full disk costs lines,
//! never a request or a background task.

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{self, LogFormat, LogLevel};
use crate::metrics;

/// Lines that wait for the writer. With [`MAX_LINE_BYTES`], the queue holds at most 16 MiB.
const QUEUE_LENGTH: usize = 1_024;
/// A longer line is dropped: a line with its head cut off is no valid JSON.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// The part of a backtrace that is logged. With it, the line stays below [`MAX_LINE_BYTES`].
const MAX_BACKTRACE_BYTES: usize = 8 * 1024;
/// The part of a panic's text that is logged.
const MAX_PANIC_BYTES: usize = 2 * 1024;
/// How long the process waits for the queue to be written before it ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static WRITER: OnceLock<Sender<Message>> = OnceLock::new();

thread_local! {
    /// On the writer's thread, the line that it is formatting: the queue may have no room for its own line.
    static OWN_LINE: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// What the writer's thread does.
enum Message {
    /// Writes a line of the log to standard error.
    Log(Vec<u8>),
    /// Writes a text to standard output or standard error.
    Print(Stream, Vec<u8>),
    /// Reports that everything before it was written or dropped.
    Flush(Sender<()>),
}

/// A standard stream.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Installs the global logger, and a panic hook that logs: the default one writes to standard error itself, where it
/// could block.
///
/// # Errors
/// `RUST_LOG` is invalid, or the thread cannot be started.
pub fn start(level: LogLevel, format: LogFormat) -> anyhow::Result<()> {
    let filter = match config::rust_log() {
        Some(directives) => EnvFilter::try_new(&directives).with_context(|| {
            format!("RUST_LOG={directives} is invalid: use directives such as warn,vestibule=debug")
        })?,
        None => default_filter(level),
    };
    let (sender, queue) = bounded(QUEUE_LENGTH);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&queue))?;
    let _ = WRITER.set(sender);
    let has_colors = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_colors)
        .with_writer(QueueWriter)
        // It would write to standard error with a macro that panics when that fails.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Only this server's own lines are known to contain no secret at every level.
fn default_filter(level: LogLevel) -> EnvFilter {
    let others = if level == LogLevel::Error { "error" } else { "warn" };
    EnvFilter::new(format!("{others},vestibule={}", level.as_str()))
}

/// Prints a text, and waits for it no longer than the time limit. Before [`start`], writes it directly.
pub fn print(stream: Stream, text: &str) {
    let Some(writer) = WRITER.get() else {
        let _ = match stream {
            Stream::Out => io::stdout().write_all(text.as_bytes()),
            Stream::Err => io::stderr().write_all(text.as_bytes()),
        };
        return;
    };
    let deadline = Instant::now() + FLUSH_TIMEOUT;
    let _ = writer.send_deadline(Message::Print(stream, text.as_bytes().to_vec()), deadline);
    flush_until(writer, deadline);
}

/// Waits until the log is written, for a second at most: call it before the process ends.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        flush_until(writer, Instant::now() + FLUSH_TIMEOUT);
    }
}

fn flush_until(writer: &Sender<Message>, deadline: Instant) {
    let (done, written) = bounded(1);
    if writer.send_deadline(Message::Flush(done), deadline).is_ok() {
        let _ = written.recv_deadline(deadline);
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload_as_str().unwrap_or("no text");
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    let backtrace = std::backtrace::Backtrace::capture().to_string();
    let (text, backtrace) = (truncate(text, MAX_PANIC_BYTES), truncate(&backtrace, MAX_BACKTRACE_BYTES));
    tracing::error!(thread, location, %backtrace, "panic: {text}");
}

/// The beginning of a text, at most this many bytes.
fn truncate(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// Gives each line of the log to the queue.
struct QueueWriter;

impl<'a> MakeWriter<'a> for QueueWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for QueueWriter {
    /// Queues one line; the logger passes whole lines. Never fails and never blocks: a line without room is dropped.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if OWN_LINE.with_borrow_mut(|own| own.as_mut().map(|own| own.extend_from_slice(line)).is_some()) {
            return Ok(line.len());
        }
        let is_queued = line.len() <= MAX_LINE_BYTES
            && WRITER.get().is_some_and(|writer| match writer.try_send(Message::Log(line.to_vec())) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            });
        if !is_queued {
            metrics::LOG_LINES_DROPPED.increment();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(queue: &Receiver<Message>) {
    let mut log = LogOutput { reported: 0, is_line_open: false };
    for message in queue {
        match message {
            Message::Log(line) => {
                if log.write(&line) {
                    log.report_dropped();
                }
            }
            Message::Print(Stream::Out, text) => drop(write(io::stdout().as_fd(), &text)),
            Message::Print(Stream::Err, text) => drop(write(io::stderr().as_fd(), &text)),
            Message::Flush(done) => drop(done.send(())),
        }
    }
}

/// Standard error, as the writer's thread sees it.
struct LogOutput {
    /// The dropped lines that the log has reported.
    reported: u64,
    /// Whether a part of a line was written before an error.
    is_line_open: bool,
}

impl LogOutput {
    /// Writes a line. A line that cannot be written is counted.
    fn write(&mut self, line: &[u8]) -> bool {
        let stderr = io::stderr();
        let separator: &[u8] = if self.is_line_open { b"\n" } else { b"" };
        match write(stderr.as_fd(), separator).and_then(|()| write(stderr.as_fd(), line)) {
            Ok(()) => {
                self.is_line_open = false;
                true
            }
            Err(WriteError { written }) => {
                metrics::LOG_LINES_DROPPED.increment();
                self.is_line_open |= written > 0;
                false
            }
        }
    }

    /// Logs how many lines were dropped since the last report, now that writing works.
    fn report_dropped(&mut self) {
        let dropped = metrics::LOG_LINES_DROPPED.get();
        let lines = dropped - self.reported;
        if lines == 0 {
            return;
        }
        OWN_LINE.set(Some(Vec::new()));
        tracing::warn!("{lines} lines of the log were dropped, because it could not be written");
        let line = OWN_LINE.take().unwrap_or_default();
        if self.write(&line) {
            self.reported = dropped;
        }
    }
}

/// A write that failed after this many bytes.
struct WriteError {
    written: usize,
}

/// Writes to a descriptor itself: the standard library hides that a stream is closed.
fn write(stream: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), WriteError> {
    let mut written = 0;
    while written < bytes.len() {
        match rustix::io::write(stream, &bytes[written..]) {
            Ok(0) => return Err(WriteError { written }),
            Ok(count) => written += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(WriteError { written }),
        }
    }
    Ok(())
}
