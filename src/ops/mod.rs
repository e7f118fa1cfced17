//! What keeps the server running: the server's own secret, health, counters, and the work that is done each second and each minute.
//! What may not live here: anything about one user.

pub mod health;
pub mod housekeeping;
pub mod metrics;
pub mod server_key;
pub mod server_key_change;
mod store;
