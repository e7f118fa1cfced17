//! Vestibule, a login and token server.
//!
//! The modules form layers, from the edge inward; imports point down this list, and a test (`tests/it/tidy.rs`) checks it:
//!
//! - [`cli`]: the command line; [`server`]: builds the services and mounts the routes; [`openapi`], [`ops`]: documentation, health, metrics and
//!   housekeeping
//! - [`account_pages`], [`login`]: pages of a signed-in person; sign-in, sign-out and set-up
//! - [`oauth`], [`forward_auth`], [`recovery`], [`registration`]: OAuth 2.0 endpoints; endpoints for reverse proxies; password reset and email
//!   verification; invitations and sign-up
//! - [`web`]: HTTP plumbing; [`error`]: the one error of all handlers
//! - [`seed`], [`admin`], [`accounts`]: use cases: seeding from a file; clients, signing keys and script tokens; accounts
//! - [`authentication`]: verifies a password under throttling and signs in
//! - [`tokens`], [`sessions`], [`links`], [`users`]: what authentication is made of, each with its own `store.rs`
//! - [`clients`], [`audit`], [`mail`]: registered clients, events, and the mail queue
//! - [`db`]: SQLite and PostgreSQL
//! - [`i18n`], [`metrics`], [`memory`], [`config`]: translations, counters, memory and settings
//! - [`clock`], [`secret`], [`scope`]: time, randomness and secrets, scopes
//!
//! `docs/architecture.md` explains the design.

pub mod account_pages;
pub mod accounts;
pub mod admin;
pub mod audit;
pub mod authentication;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod forward_auth;
pub mod i18n;
pub mod links;
pub mod login;
pub mod mail;
pub mod memory;
pub mod metrics;
pub mod oauth;
pub mod openapi;
pub mod ops;
pub mod recovery;
pub mod registration;
pub mod scope;
pub mod secret;
pub mod seed;
pub mod server;
pub mod sessions;
pub mod tokens;
pub mod users;
pub mod web;

// Keeps the bundled OpenSSL linked: libpq needs it for TLS.
#[cfg(feature = "bundled")]
use openssl_sys as _;
