//! Operation of the server: the server key, health checks, metrics and periodic work.

pub mod health;
pub mod housekeeping;
pub mod metrics_endpoint;
pub mod server_key;
pub mod server_key_change;
mod store;
