//! The map of the code, from the edge inward. Imports point down this list, never up; a test holds that.
//!
//! - [`cli`] — the admin's commands; [`server`] — puts everything together; [`openapi`], [`ops`] — what is served beside the doors
//! - [`account`], [`admin`] — what people do for themselves, what admins do for them
//! - [`login`], [`oauth`], [`forward_auth`] — the doors: pages and cookies, JSON and bearer tokens, what reverse proxies ask. None knows another
//! - [`recovery`], [`registration`] — pages for those who forgot their password, and for those who have no account yet
//! - [`web`] — HTTP plumbing of both doors; [`error`] — their one error
//! - [`authentication`] — the lock: check, throttle, sign in
//! - [`tokens`], [`sessions`], [`links`], [`users`] — what the lock is made of, each with its own `store.rs`
//! - [`clients`], [`audit`], [`mail`] — registered programs; what happened that an admin may want to know later; mails that wait to be sent
//! - [`db`] — the way to SQLite or Postgres
//! - [`i18n`], [`metrics`], [`clock`], [`secret`], [`scope`], [`memory`], [`config`] — words, counters, time, chance, scopes, memory, settings
//!
//! Code may not live here.

pub mod account_pages;
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
pub mod server;
pub mod sessions;
pub mod tokens;
pub mod users;
pub mod web;

// Keeps the bundled OpenSSL linked: libpq needs it for TLS.
#[cfg(feature = "bundled")]
use openssl_sys as _;
