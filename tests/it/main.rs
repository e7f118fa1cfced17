//! The integration tests: one program, run once on SQLite and once on Postgres by `bin/test` (`TEST_DATABASE` says which).
//! `harness/` starts servers and databases; every other file is about one capability. What may not live here: tests.

mod admin_setup;
mod browser;
mod browser_docs;
mod browser_screens;
mod cli_clients;
mod cli_harness;
mod cli_migrate;
mod cli_roles;
mod cli_seed;
mod cli_seed_rights;
mod cli_tokens;
mod cli_tokens_verify;
mod cli_users;
mod database_away;
mod durability;
mod forgery;
mod harness;
mod metadata;
mod migrations;
mod peers;
mod people;
mod people_forms;
mod people_next;
mod people_pages;
mod people_sessions;
mod people_setup;
mod programs;
mod sessions_end;
mod settings;
mod starting;
mod throttling;
mod tidy;
mod token_errors;
