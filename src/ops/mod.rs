//! Operation of the server: waiting for the database and watching it, the server key, health checks, metrics and periodic work.

pub mod database_start;
pub mod database_watch;
pub mod doctor;
pub mod doctor_endpoint;
pub mod health;
pub mod housekeeping;
pub mod metrics_endpoint;
pub mod server_key;
pub mod server_key_change;
mod store;
