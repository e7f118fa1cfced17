//! Use cases on users.
pub mod first_run;
