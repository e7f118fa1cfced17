//! All integration tests in one binary. Temporary: main's own takes its place.
mod admin_setup;
mod cli_harness;
mod cli_migrate;
mod cli_seed;
mod cli_users;
