//! The integration tests: one program, run once on SQLite and once on Postgres by `bin/test` (`TEST_DATABASE` says which).
//! `harness/` starts servers and databases; every other file is about one capability. What may not live here: tests.

mod browser;
mod browser_docs;
mod browser_screens;
mod harness;
mod people;
mod people_forms;
mod people_next;
mod people_pages;
mod people_sessions;
mod people_setup;
mod programs;
