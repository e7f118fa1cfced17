//! Why the server does not start, or has stopped.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::db::DbError;
use crate::db::migrations::MigrationError;
use crate::mail::SmtpError;
use crate::ops::server_key::ServerKeyError;
use crate::tokens::KeyError;

/// An error that prevents the start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A migration failed.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// A database query failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// There is no usable server key.
    #[error(transparent)]
    ServerKey(#[from] ServerKeyError),
    /// There is no usable signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The server cannot listen on an address.
    #[error("cannot listen on {address} ({reason}): {}", bind_hint(setting, *address, reason))]
    Bind {
        /// The setting that contains it.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The operating system's error.
        reason: io::Error,
    },
    /// The settings of the mail server are invalid.
    #[error(transparent)]
    Smtp(#[from] SmtpError),
    /// The database file was replaced or deleted while the server ran.
    #[error(
        "the database file {path} was replaced or deleted while the server was running, which has stopped. {log}. Then start it again to use the file that is there now", path = path.display()
    )]
    DatabaseReplaced {
        /// The database file.
        path: PathBuf,
        /// Where the old file's write-ahead log is now, as a sentence without its full stop.
        log: String,
    },
    /// A thread cannot be started.
    #[error("cannot start the server threads")]
    Threads(#[from] io::Error),
}

/// What to do about an address that cannot be listened on.
fn bind_hint(setting: &str, address: SocketAddr, reason: &io::Error) -> String {
    match reason.kind() {
        io::ErrorKind::AddrInUse => {
            let other = SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8080));
            format!("stop the process that uses the port, or choose another one, such as {setting}={other}")
        }
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): set {setting} to a higher port, behind a reverse proxy"
        ),
        _ => format!("set {setting} to an address of this machine"),
    }
}

impl StartError {
    /// Whether the database is not available at the moment, and the same start may succeed later.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Migration(error) | Self::ServerKey(ServerKeyError::Open(error)) => error.is_temporary(),
            Self::Database(error)
            | Self::ServerKey(ServerKeyError::Database(error))
            | Self::Key(KeyError::Database(error)) => error.is_temporary(),
            _ => false,
        }
    }
}
