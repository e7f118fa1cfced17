//! Vestibule, a login and token server.
//!
//! The modules form layers, from the edge inward. Imports point down this list; `tests/it/once/tidy.rs` checks it.
//!
//! - [`cli`]: the command line
//! - [`server`]: builds the services and mounts the routes
//! - [`openapi`], [`ops`]: OpenAPI document; health, metrics, housekeeping and the server key
//! - [`account_pages`], [`admin_pages`], [`login`]: pages of a signed-in person; pages of administrators and support staff;
//!   sign-in, sign-out and setup pages
//! - [`oauth`], [`forward_auth`]: OAuth 2.0 endpoints; endpoints for reverse proxies
//! - [`recovery`], [`registration`]: password reset and email verification; invitations and open registration
//! - [`web`], [`connections`]: HTTP plumbing; accepted connections and their limits
//! - [`error`]: the one error that handlers return
//! - [`seed`], [`user_files`]: seeding from a TOML file; importing and exporting users
//! - [`admin`]: use cases for administrators: clients, signing keys, sessions, script tokens, lists of events
//! - [`accounts`]: use cases on accounts and roles
//! - [`authentication`]: verifies passwords under throttling and signs in
//! - [`tokens`]: access tokens, refresh tokens and signing keys
//! - [`sessions`]: sessions, their lifetimes and the set of revoked ones
//! - [`links`]: one-time links
//! - [`users`]: users, usernames, passwords and their hashes
//! - [`clients`], [`audit`], [`mail`]: registered clients; recorded events; the mail queue
//! - [`db`], [`supervisor`]: connections to SQLite and PostgreSQL, transactions, migrations; restarting background tasks
//! - [`i18n`], [`metrics`], [`memory`], [`log_limit`], [`config`]: translations; counters; releasing memory; limits on
//!   log lines; settings
//! - [`clock`], [`private_file`], [`similar_name`], [`secret`], [`scope`]: time; files that only their owner can read;
//!   misspelt names; randomness, secrets and derived keys; scopes
//!
//! `docs/architecture.md` explains the design.

pub mod account_pages;
pub mod accounts;
pub mod admin;
pub mod admin_pages;
pub mod audit;
pub mod authentication;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod connections;
pub mod db;
pub mod error;
pub mod forward_auth;
pub mod i18n;
pub mod links;
pub mod log_limit;
pub mod login;
pub mod mail;
pub mod memory;
pub mod metrics;
pub mod oauth;
pub mod openapi;
pub mod ops;
pub mod private_file;
pub mod recovery;
pub mod registration;
pub mod scope;
pub mod secret;
pub mod seed;
pub mod server;
pub mod sessions;
pub mod similar_name;
pub mod supervisor;
pub mod tokens;
pub mod user_files;
pub mod users;
pub mod web;

// Keeps the bundled OpenSSL linked: libpq needs it for TLS.
#[cfg(feature = "bundled")]
use openssl_sys as _;
