//! The `vestibule audit` command.

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::output::{Table, eprint_warning, no_such_user, rfc3339, rfc3339_seconds, write_out};
use super::services::CommandServices;
use super::users::lookup;
use super::when::When;
use crate::admin::{NamedEvent, list_events};
use crate::audit::{Actor, EventFilter, EventKind};
use crate::clock::Moment;
use crate::config::{AdminCommand, SettingArgs};
use crate::db::{Db, DbConnection, DbError};
use crate::users;

/// Events per query.
const BATCH: i64 = 1_000;
/// The interval at which `--follow` reads new events.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);
/// How far back `--follow` reads again: a transaction may commit an event some time after it happened, and the clocks of
/// instances differ a little.
const FOLLOW_OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// The most events of one interval that `--follow` prints.
const MAX_FOLLOWED: usize = 100_000;

const HEADINGS: [&str; 7] = ["TIME", "EVENT", "USER", "BY", "ADDRESS", "CLIENT", "DETAILS"];

/// Arguments of `vestibule audit`.
#[derive(Args)]
pub struct AuditArgs {
    /// Only events of this user's account, also of a deleted user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only what this user did
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only events of this kind, such as `sign_in_failed`; can be repeated
    #[arg(long = "kind", value_name = "KIND", value_parser = kinds(), hide_possible_values = true)]
    kinds: Vec<String>,
    /// Only events since then: 2h, 7d, today, yesterday, a date or an RFC 3339 moment
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Only events before then
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    until: Option<When>,
    /// The most events, the newest ones; 0 for all
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// Print new events as they happen, until it is interrupted
    #[arg(long, conflicts_with = "until")]
    follow: bool,
    /// Output one JSON object for each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<AdminCommand>,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(EventKind::ALL.iter().map(|kind| kind.as_str()))
}

/// Runs the command: prints events, the newest last.
///
/// # Errors
/// No user has the name, or the database fails.
pub async fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let CommandServices { db, clock, .. } = CommandServices::open(&args.settings.check()?)?;
    let now = clock.now();
    let filter = EventFilter {
        user_id: find_user_id(&db, args.user.as_deref()).await?,
        actor_user_id: find_user_id(&db, args.by.as_deref()).await?,
        kinds: args.kinds.iter().filter_map(|name| EventKind::from_name(name)).collect(),
        since: args.since.map(|when| when.at(now)),
        until: args.until.map(|when| when.at(now)),
        after: None,
    };
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let mut printer = Printer::new(args.json);
    let events = list(&db, filter.clone(), limit).await?;
    let is_read = printer.print(&events)?;
    if args.follow && is_read {
        follow(&db, filter, now, &events, &mut printer).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn find_user_id(db: &Db, name: Option<&str>) -> anyhow::Result<Option<i64>> {
    let Some(name) = name else { return Ok(None) };
    let key = lookup(name)?;
    let find = move |conn: &mut DbConnection| -> Result<_, DbError> { Ok(users::find_by_key(conn, key.key())?) };
    let user = db.read(find).await?.ok_or_else(|| no_such_user(name))?;
    Ok(Some(user.id.0))
}

/// Lists the newest `limit` events that match, the oldest of them first.
async fn list(db: &Db, mut filter: EventFilter, limit: usize) -> Result<Vec<NamedEvent>, DbError> {
    let mut events: Vec<NamedEvent> = Vec::new();
    while events.len() < limit {
        let batch = BATCH.min(i64::try_from(limit - events.len()).unwrap_or(BATCH));
        let page = filter.clone();
        let found = db.read(move |conn| list_events(conn, &page, batch)).await?;
        let is_last = i64::try_from(found.len()).is_ok_and(|count| count < batch);
        events.extend(found);
        match events.last() {
            Some(NamedEvent { listed, .. }) if !is_last => {
                filter.after = Some((listed.event.happened_at, listed.id.clone()));
            }
            _ => break,
        }
    }
    events.reverse();
    Ok(events)
}

/// Prints new events until the output is closed. While the database cannot be reached, it tries again.
async fn follow(
    db: &Db,
    mut filter: EventFilter,
    now: Moment,
    already_printed: &[NamedEvent],
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let mut newest = already_printed.last().map_or(now, |event| event.listed.event.happened_at);
    // A row that counts failed sign-ins is new again when its count grows.
    let version = |event: &NamedEvent| {
        let event = &event.listed;
        ((event.id.clone(), event.event.occurrences), event.event.happened_at)
    };
    let mut seen: HashMap<(String, i64), Moment> = already_printed.iter().map(version).collect();
    let mut is_failing = false;
    loop {
        tokio::time::sleep(FOLLOW_INTERVAL).await;
        filter.since = Some(newest - FOLLOW_OVERLAP);
        let found = match list(db, filter.clone(), MAX_FOLLOWED).await {
            Ok(found) => found,
            Err(error) => {
                if !is_failing {
                    eprint_warning(&format!("{error}; trying again every second"));
                }
                is_failing = true;
                continue;
            }
        };
        is_failing = false;
        let new: Vec<NamedEvent> = found.into_iter().filter(|event| !seen.contains_key(&version(event).0)).collect();
        if !new.is_empty() && !printer.print(&new)? {
            return Ok(());
        }
        newest = new.iter().map(|event| event.listed.event.happened_at).fold(newest, Moment::max);
        seen.extend(new.iter().map(version));
        seen.retain(|_, happened_at| *happened_at >= newest - FOLLOW_OVERLAP);
    }
}

/// Prints events as a table or as JSON.
struct Printer {
    is_json: bool,
    table: Table<7>,
    has_headings: bool,
}

impl Printer {
    fn new(is_json: bool) -> Self {
        Self { is_json, table: Table::new(HEADINGS), has_headings: false }
    }

    /// Returns `false` if the reader closed the pipe.
    fn print(&mut self, events: &[NamedEvent]) -> anyhow::Result<bool> {
        if self.is_json {
            return write_out(|out| events.iter().try_for_each(|event| write_json(out, event)));
        }
        let headings = (!self.has_headings).then(|| HEADINGS.map(str::to_owned));
        self.has_headings = true;
        let rows: Vec<[String; 7]> = headings.into_iter().chain(events.iter().map(row)).collect();
        write_out(|out| self.table.write_rows(out, &rows))
    }
}

fn row(named: &NamedEvent) -> [String; 7] {
    let event = &named.listed.event;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let by = match event.actor {
        Actor::Anyone => None,
        Actor::Command => Some("(command)".to_owned()),
        Actor::Server => Some("(server)".to_owned()),
        Actor::User(id) => Some(named.actor_username.clone().unwrap_or_else(|| id.to_string())),
    };
    let count = (event.occurrences != 1).then(|| format!("{} times", event.occurrences));
    let details: Vec<String> = [event.reason.clone(), event.detail.clone(), count].into_iter().flatten().collect();
    [
        rfc3339_seconds(event.happened_at),
        event.kind.as_str().to_owned(),
        or_dash(named.username.clone().or_else(|| event.user_id.map(|id| id.to_string()))),
        or_dash(by),
        or_dash(event.network_address.clone()),
        or_dash(named.client_name.clone().or_else(|| event.client_id.clone())),
        or_dash((!details.is_empty()).then(|| details.join(", "))),
    ]
}

/// An event in `--json` output.
#[derive(Serialize)]
pub(super) struct EventView<'a> {
    id: &'a str,
    kind: &'static str,
    happened_at: String,
    /// `user`, `command`, `server`, or `null` for anyone who sent a request.
    actor: Option<&'static str>,
    actor_user_id: Option<i64>,
    actor_username: Option<&'a str>,
    user_id: Option<i64>,
    username: Option<&'a str>,
    client_id: Option<&'a str>,
    client_name: Option<&'a str>,
    session_id: Option<&'a str>,
    network_address: Option<&'a str>,
    detail: Option<&'a str>,
    reason: Option<&'a str>,
    occurrences: i64,
}

impl<'a> EventView<'a> {
    pub(super) fn new(named: &'a NamedEvent) -> Self {
        let event = &named.listed.event;
        let (actor, actor_user_id) = event.actor.columns();
        Self {
            id: &named.listed.id,
            kind: event.kind.as_str(),
            happened_at: rfc3339(event.happened_at),
            actor,
            actor_user_id,
            actor_username: named.actor_username.as_deref(),
            user_id: event.user_id,
            username: named.username.as_deref(),
            client_id: event.client_id.as_deref(),
            client_name: named.client_name.as_deref(),
            session_id: event.session_id.as_deref(),
            network_address: event.network_address.as_deref(),
            detail: event.detail.as_deref(),
            reason: event.reason.as_deref(),
            occurrences: event.occurrences,
        }
    }
}

fn write_json(out: &mut dyn Write, named: &NamedEvent) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, &EventView::new(named))?;
    writeln!(out)
}
