//! The log, written to standard error so that standard output can be piped.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Installs the global logger.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::new("info,actix_server=warn,mio=warn");
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
