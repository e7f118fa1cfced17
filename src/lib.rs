//! The map of the code.
use openssl_sys as _;
pub mod admin; pub mod cli; pub mod clock; pub mod config; pub mod db; pub mod memory; pub mod metrics; pub mod secret; pub mod users; pub mod sessions; pub mod links; pub mod tokens; pub mod credentials;
