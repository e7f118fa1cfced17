//! The integration tests: one program, run once on SQLite and once on Postgres by `bin/test` (`TEST_DATABASE` says which).
//! `harness/` starts servers and databases; every other file is about one capability. What may not live here: tests.

mod forgery;
mod harness;
mod metadata;
mod peers;
mod programs;
mod sessions_end;
mod throttling;
mod token_errors;
