//! The database: reachable, version, rights, migrations, clock, TLS and the rights of its file.

use super::{DEADLINE, Finding, within};
use crate::clock::{Clock, unix_seconds};
use crate::config::{Config, DatabaseUrl};
use crate::db::migrations::{self, MigrationError};
use crate::db::server_time::{self, ClockDifference};
use crate::db::{self, Db, DbError, Rollback};
use crate::ops::store;

const CHECK: &str = "database";

/// Returns the findings, and whether this release can read the tables.
pub(super) async fn check(config: &Config) -> (Vec<Finding>, bool) {
    let url = &config.database;
    // Listing the migrations would create the file.
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let text = format!("no database at {url}: run \"vestibule migrate run\" to create it, or correct DATABASE_URL");
        return (vec![Finding::error(CHECK, text)], false);
    }
    let db = Db::for_command(url);
    let mut findings = Vec::new();
    match within(DEADLINE, db.read(|conn| -> Result<_, DbError> { Ok(db::facts(conn)?) })).await {
        Ok(Ok(facts)) => {
            let tls = if facts.has_tls { ", with TLS" } else { "" };
            findings.push(Finding::ok(CHECK, format!("{url} responds ({}{tls})", facts.version)));
            if facts.is_superuser {
                findings.push(Finding::warning(
                    CHECK,
                    "the role is a superuser of the server: use a role of its own that owns only this database",
                ));
            }
            if !facts.can_create_tables {
                findings.push(Finding::error(CHECK, "the role may not create tables, which migrations do: make it the owner of the database, or grant CREATE on the schema"));
            }
        }
        Ok(Err(error)) => {
            let text = format!("{url}: {}. Check DATABASE_URL, and whether the database runs", error.reason());
            return (vec![Finding::error(CHECK, text)], false);
        }
        Err(late) => {
            let text = format!("{url}: {late}. Check DATABASE_URL, and whether the database runs");
            return (vec![Finding::error(CHECK, text)], false);
        }
    }
    let is_current = check_migrations(config, &mut findings).await;
    if is_current != Some(false) {
        findings.extend(check_write(&db).await);
    }
    findings.extend(db::warnings(url).into_iter().map(|warning| Finding::warning(CHECK, warning)));
    if db.check_space().is_err() {
        findings
            .push(Finding::error(CHECK, "the file system of the database has less than 1 MiB left: free some space"));
    }
    findings.extend(check_clock(url).await);
    (findings, is_current == Some(true))
}

/// Whether all migrations are applied; `None` if that is not known.
async fn check_migrations(config: &Config, findings: &mut Vec<Finding>) -> Option<bool> {
    const CHECK: &str = "migrations";
    let url = config.database.clone();
    let states = within(DEADLINE, tokio::task::spawn_blocking(move || migrations::status(&url))).await;
    let states = match states.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))
    {
        Ok(Ok(states)) => states,
        Ok(Err(error)) => {
            let advice = if matches!(error, MigrationError::Open { .. }) {
                ". Check that this user can write to the database, its file and its folder"
            } else {
                ""
            };
            findings.push(Finding::error(CHECK, format!("{error}{advice}")));
            return None;
        }
        Err(late) => {
            findings.push(Finding::error(CHECK, format!("{late}: another process holds a lock; try again")));
            return None;
        }
    };
    let pending = states.iter().filter(|state| !state.is_applied).count();
    if pending > 0 {
        findings.push(Finding::error(
            CHECK,
            format!("pending: {pending}. Run \"vestibule migrate run\", or start the server"),
        ));
        return Some(false);
    }
    findings.push(Finding::ok(CHECK, format!("all {} are applied", states.len())));
    Some(true)
}

/// Writes, and rolls back.
async fn check_write(db: &Db) -> Option<Finding> {
    let now = unix_seconds(Clock::system().now());
    let write = db.write(move |conn| -> Result<(), Rollback<()>> {
        store::record_write_check(conn, now)?;
        Err(Rollback::with(()))
    });
    match within(DEADLINE, write).await.map(Rollback::settle) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Finding::error(
            CHECK,
            format!("it cannot be written to: {}. Check its rights, and the free space", error.reason()),
        )),
        Err(late) => {
            Some(Finding::error(CHECK, format!("a write got {late}: look for a transaction that holds a lock")))
        }
    }
}

async fn check_clock(url: &DatabaseUrl) -> Option<Finding> {
    const CHECK: &str = "clock";
    let followed = url.clone();
    let measured = tokio::task::spawn_blocking(move || server_time::follow_blocking(&followed, &Clock::system()));
    let difference = within(DEADLINE, measured).await.ok()?.ok()?.ok()??;
    Some(match ClockDifference::reportable(difference) {
        Some(ahead) => Finding::warning(CHECK, format!("{}. Synchronize both with NTP", server_time::warning(ahead))),
        None => Finding::ok(CHECK, "this machine and the database server agree"),
    })
}
