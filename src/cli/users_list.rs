//! The command `vestibule users list`.

use std::collections::HashSet;
use std::process::ExitCode;

use super::output::{self, Table, UserView};
use super::services::{self, require_server_key};
use super::users_args::ListArgs;
use crate::accounts::{Account, AccountService, LIST_BATCH};
use crate::authentication::AccountLocks;
use crate::clock::Moment;
use crate::config::Config;
use crate::db::{DbConnection, DbError};
use crate::users::{ListedPart, UserFilter};

const HEADINGS: [&str; 7] = ["ID", "USERNAME", "STATE", "LAST SIGN-IN", "ROLES", "EMAIL", "DISPLAY NAME"];

pub(super) async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let accounts = services::accounts(&config)?;
    let now = accounts.clock().now();
    let filter = UserFilter {
        search: args.search,
        role: args.role,
        state: args.state.map(Into::into),
        never_signed_in: args.never_signed_in,
        signed_in_since: args.signed_in_since.map(|when| when.at(now)),
        without_password: args.without_password,
        new_password_required: args.new_password_required,
    };
    let locked = if args.locked { Some(LockedFilter::new(&config, &accounts, now).await?) } else { None };
    let all = ListedPart { sort: args.sort.into(), is_reversed: args.reverse, offset: 0, limit: i64::MAX };
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    // Whether an account is locked is known only after it was read.
    let part = match &locked {
        Some(_) => all,
        None => ListedPart { offset: number(args.offset), limit: args.limit.map_or(i64::MAX, number), ..all },
    };
    let ids = accounts.list_ids(filter, part).await?;
    let (mut skip, mut left) = match &locked {
        Some(_) => (args.offset, args.limit.unwrap_or(usize::MAX)),
        None => (0, usize::MAX),
    };
    let mut printer = Printer { is_json: args.json, table: Table::new(HEADINGS), is_first: true };
    for chunk in ids.chunks(LIST_BATCH) {
        let mut batch = accounts.list_by_ids(chunk).await?;
        if let Some(locked) = &locked {
            batch.retain(|account| locked.matches(account));
        }
        let matching = batch.len();
        let batch: Vec<Account> = batch.into_iter().skip(skip).take(left).collect();
        skip = skip.saturating_sub(matching);
        left -= batch.len();
        if (!batch.is_empty() && !printer.print(&batch)?) || left == 0 {
            break;
        }
    }
    printer.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// The accounts that reject sign-ins at the moment.
struct LockedFilter {
    reader: AccountLocks,
    blocked: HashSet<String>,
}

impl LockedFilter {
    async fn new(config: &Config, accounts: &AccountService, now: Moment) -> anyhow::Result<Self> {
        let reader = AccountLocks::new(&require_server_key(config)?, config.throttling);
        let of_query = reader.clone();
        let find = move |conn: &mut DbConnection| -> Result<_, DbError> { Ok(of_query.list_blocked(conn, now)?) };
        Ok(Self { blocked: accounts.read(find).await?, reader })
    }

    fn matches(&self, account: &Account) -> bool {
        self.reader.is_among(&account.user, &self.blocked)
    }
}

/// Prints users in batches: a table, one JSON array with one user on each line, or only usernames.
struct Printer {
    is_json: bool,
    table: Table<7>,
    is_first: bool,
}

impl Printer {
    /// Returns `false` if the reader closed the pipe.
    fn print(&mut self, batch: &[Account]) -> anyhow::Result<bool> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        output::write_out(|out| {
            if self.is_json {
                for (at, account) in batch.iter().enumerate() {
                    let view = serde_json::to_string(&UserView::new(account))?;
                    write!(out, "{}\n{view}", if is_first && at == 0 { "[" } else { "," })?;
                }
                return Ok(());
            }
            if output::is_quiet() {
                return batch.iter().try_for_each(|account| writeln!(out, "{}", account.user.username));
            }
            let headings = is_first.then(|| HEADINGS.map(str::to_owned));
            let rows: Vec<[String; 7]> = headings.into_iter().chain(batch.iter().map(row)).collect();
            self.table.write_rows(out, &rows)
        })
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if self.is_json {
            let is_empty = self.is_first;
            output::write_out(|out| writeln!(out, "{}", if is_empty { "[\n]" } else { "\n]" }))?;
        } else if self.is_first {
            self.print(&[])?;
        }
        Ok(())
    }
}

fn row(account: &Account) -> [String; 7] {
    let Account { user, roles } = account;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        user.id.to_string(),
        user.username.clone(),
        output::state_word(user.state).to_owned(),
        or_dash(user.last_signed_in_at.map(output::rfc3339_seconds)),
        or_dash((!roles.is_empty()).then(|| roles.join(","))),
        or_dash(user.email.clone()),
        or_dash(user.display_name.clone()),
    ]
}
