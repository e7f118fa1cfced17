//! The baseline for refreshes and sign-ins: only the transaction (select, update, insert), through the server's connection
//! pool, each with a commit of its own.
#![expect(missing_docs, reason = "the macro generates undocumented items")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Parser;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use vestibule::clock::{Clock, Moment};
use vestibule::config::Settings;
use vestibule::db::{Db, DbConnection, DbError, migrations};
use vestibule::secret::random_id;

diesel::table! {
    bench_tokens (id) {
        id -> Text,
        family -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        successor -> Nullable<Text>,
        sealed -> Nullable<Text>,
    }
}

const TABLE: &str = "DROP TABLE IF EXISTS bench_tokens; CREATE TABLE bench_tokens (
    id TEXT NOT NULL PRIMARY KEY, family TEXT NOT NULL, created_at TIMESTAMP NOT NULL, used_at TIMESTAMP, successor TEXT, sealed TEXT);
    CREATE INDEX bench_tokens_family ON bench_tokens (family); CREATE INDEX bench_tokens_created_at ON bench_tokens (created_at);";

/// Prints the transactions per second
#[derive(Parser)]
struct Arguments {
    /// Database URL
    #[arg(long)]
    database_url: String,
    /// Concurrent tasks
    #[arg(long, default_value_t = 64)]
    tasks: usize,
    /// Seconds to run before measuring
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Seconds to measure
    #[arg(long)]
    seconds: f64,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut settings = Settings::default();
    settings.set("DATABASE_URL", arguments.database_url.clone());
    let url = settings.check()?.database;
    tokio::task::spawn_blocking({
        let url = url.clone();
        move || migrations::run_pending(&url)
    })
    .await??;
    // The transactions of commands share no commit.
    let db = Db::for_command(&url);
    db.write(|conn| -> Result<(), DbError> { Ok(conn.batch_execute(TABLE)?) }).await?;
    let (count, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = (0..arguments.tasks)
        .map(|number| tokio::spawn(rotate_until_stopped(db.clone(), number, Arc::clone(&count), Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(arguments.warm_up)).await;
    let (start, before) = (Instant::now(), count.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs_f64(arguments.seconds)).await;
    let transactions = u32::try_from(count.load(Ordering::Relaxed) - before)?;
    println!("{:.2}", f64::from(transactions) / start.elapsed().as_secs_f64());
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Rotates the tokens of one family: marks the newest row as used and inserts the next one.
async fn rotate_until_stopped(
    db: Db,
    number: usize,
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let (family, clock) = (format!("family-{number}"), Clock::system());
    let mut id = random_id();
    let (first, now) = (id.clone(), clock.now());
    db.write(move |conn| -> Result<(), DbError> { Ok(insert(conn, &first, &family, now)?) }).await?;
    while !stop.load(Ordering::Relaxed) {
        let (used, next, now) = (id.clone(), random_id(), clock.now());
        id.clone_from(&next);
        let was_unused = db.write(move |conn| -> Result<_, DbError> { Ok(rotate(conn, &used, &next, now)?) }).await?;
        ensure!(was_unused, "a row was used twice");
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn rotate(conn: &mut DbConnection, used: &str, next: &str, now: Moment) -> QueryResult<bool> {
    let row = bench_tokens::table.find(used);
    let family: String = row.select(bench_tokens::family).first(conn)?;
    let count = diesel::update(row.filter(bench_tokens::successor.is_null()))
        .set((bench_tokens::used_at.eq(now), bench_tokens::successor.eq(next), bench_tokens::sealed.eq(next)))
        .execute(conn)?;
    insert(conn, next, &family, now)?;
    Ok(count == 1)
}

fn insert(conn: &mut DbConnection, id: &str, family: &str, now: Moment) -> QueryResult<()> {
    diesel::insert_into(bench_tokens::table)
        .values((bench_tokens::id.eq(id), bench_tokens::family.eq(family), bench_tokens::created_at.eq(now)))
        .execute(conn)
        .map(drop)
}
