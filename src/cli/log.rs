//! The log: to standard error, so that a command's output can be piped. What may not live here: what is logged.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts the log, for the life of the process.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::new("info,actix_server=warn,mio=warn");
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
