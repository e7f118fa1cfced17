//! Signals other than SIGINT, SIGTERM and SIGQUIT, which the server handles itself.

use std::io;

use actix_web::dev::ServerHandle;
use actix_web::rt::signal::unix::{SignalKind, signal};

/// Signals that would end the process and mean nothing to it: SIGUSR1 and SIGUSR2, which log rotation sends to other
/// servers, and SIGXFSZ, after which a write beyond the limit of a file's size fails with EFBIG instead. The Rust runtime
/// already ignores SIGPIPE.
const IGNORED: [i32; 3] = [libc::SIGUSR1, libc::SIGUSR2, libc::SIGXFSZ];

/// Ignores signals that would end the process with requests in flight.
///
/// # Errors
/// The operating system rejects a handler.
pub fn ignore_meaningless() -> io::Result<()> {
    // A handler that does nothing stays installed when its stream is dropped.
    IGNORED.into_iter().try_for_each(|number| signal(SignalKind::from_raw(number)).map(drop))
}

/// Stops the server gracefully at SIGHUP: the terminal that it was started from is gone. Under `nohup`, the signal stays
/// ignored.
///
/// # Errors
/// The operating system rejects the handler.
pub fn stop_at_hangup(server: ServerHandle) -> io::Result<()> {
    if is_ignored(libc::SIGHUP) {
        return Ok(());
    }
    let mut hangups = signal(SignalKind::hangup())?;
    actix_web::rt::spawn(async move {
        if hangups.recv().await.is_some() {
            tracing::info!("SIGHUP received; stopping");
            server.stop(true).await;
        }
    });
    Ok(())
}

/// Whether the process that started this one ignores a signal, as `nohup` does. `false` where the kernel does not tell.
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}
