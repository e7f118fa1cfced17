//! `vestibule keys …`: list, rotate, retire, reseal.
//! `keys_args.rs` holds the arguments. What may not live here: rules and transactions (`admin`, `tokens`), SQL.

use std::process::ExitCode;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::json;

pub use super::keys_args::{KeysArgs, KeysCommand, ResealArgs, RetireArgs, RotateArgs};
use super::output::{Table, answer, misused, refused, rfc3339, rfc3339_seconds, write_out};
use super::prompt::is_confirmed;
use super::services;
use crate::admin::{AdminServices, KeyRotation};
use crate::config::{Config, KeyAlgorithm, Signing};
use crate::ops::server_key::{self, Source};
use crate::ops::server_key_change;
use crate::secret::ServerKey;
use crate::tokens::{KeyRecord, KeyRetirement, KeyState};

/// What else hangs on the server key.
const RESEALED: &str = "Restart every instance with the new key. Browsers then sign in anew (their session cookies open no more, and neither do set-up and reset links that were just opened), and counted failures and known devices are forgotten. Tokens and refresh tokens stay good";

/// Runs a command on signing keys.
///
/// # Errors
/// When it is refused or meets a fault; see [`super::output::report`].
pub async fn run(command: KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::List(args) => list(args).await,
        KeysCommand::Rotate(args) => rotate(args).await,
        KeysCommand::Retire(args) => retire(args).await,
        KeysCommand::Reseal(args) => reseal(args).await,
    }
}

async fn list(args: KeysArgs) -> anyhow::Result<ExitCode> {
    const HEADINGS: [&str; 6] = ["KID", "ALGORITHM", "STATE", "PUBLISHED", "SIGNS FROM", "LIVE TOKENS"];
    let (_, admin, algorithm) = open(&args)?;
    let keys = admin.list_keys(algorithm).await?;
    if args.json {
        let views: Vec<KeyView> = keys.iter().map(KeyView::new).collect();
        return answer(true, &views, "");
    }
    let row = |key: &KeyRecord| {
        let state = match key.retired_at {
            Some(at) => format!("retired {}", rfc3339_seconds(at)),
            None => state_word(key.state).to_owned(),
        };
        let [published, signs_from] = [key.created_at, key.signs_from].map(rfc3339_seconds);
        let live = key.usage.live_sessions.to_string();
        [key.kid.clone(), key.algorithm.clone(), state, published, signs_from, live]
    };
    let rows: Vec<[String; 6]> = std::iter::once(HEADINGS.map(str::to_owned)).chain(keys.iter().map(row)).collect();
    write_out(|out| Table::new(HEADINGS).write_rows(out, &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(args: RotateArgs) -> anyhow::Result<ExitCode> {
    let (config, admin, algorithm) = open(&args.keys)?;
    let (server_key, _) = find_server_key(&config)?;
    let [lead, token_life] = [args.after, config.lifetimes.access_token]
        .map(|duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX));
    let KeyRotation { next, is_new, old } = admin.rotate_keys(algorithm, &server_key, lead, token_life).await?;
    let view = json!({
        "changed": is_new,
        "next": KeyView::new(&next),
        "old": old.as_ref().map(|(key, _)| KeyView::new(key)),
        "old_kept_until": old.as_ref().map(|(_, until)| rfc3339(*until)),
    });
    let Some((old, until)) = old else {
        let text = format!("made the first key {} ({}); it signs at once", next.kid, next.algorithm);
        return answer(args.keys.json, &view, &text);
    };
    let what = if is_new { "published the next key" } else { "nothing was changed: a next key is waiting already:" };
    let text = format!(
        "{what} {} ({}), which signs from {} on\nthe key {} ({}) has {} and is kept until {} or a little later",
        next.kid,
        next.algorithm,
        rfc3339_seconds(next.signs_from),
        old.kid,
        old.algorithm,
        live_tokens(&old),
        rfc3339_seconds(until),
    );
    answer(args.keys.json, &view, &text)
}

async fn retire(args: RetireArgs) -> anyhow::Result<ExitCode> {
    let (_, admin, algorithm) = open(&args.keys)?;
    let no_such_key = || refused(format!("no such key: {}. \"vestibule keys list\" shows all of them", args.kid));
    let only_key = |key: &KeyRecord| {
        refused(format!(
            "{} is the only key that can sign, and nothing was changed: run \"vestibule keys rotate\" first (with --after 2s when it is urgent), and retire it when the next one signs",
            key.kid
        ))
    };
    if !args.yes {
        let keys = admin.list_keys(algorithm).await?;
        let key = keys.iter().find(|key| key.kid == args.kid).ok_or_else(no_such_key)?;
        let is_only = !keys.iter().any(|other| other.kid != key.kid && other.state != KeyState::Retired);
        if key.state != KeyState::Retired {
            if is_only {
                return Err(only_key(key));
            }
            let question = format!(
                "Retire the key {} ({})? It has {}, which die at once.",
                key.kid,
                key.algorithm,
                live_tokens(key)
            );
            if !is_confirmed(&question, "--yes")? {
                return Err(refused("nothing was changed"));
            }
        }
    }
    let (key, is_changed, signing, text) = match admin.retire_key(algorithm, &args.kid).await? {
        KeyRetirement::Done { key, signing } => {
            let text = format!(
                "retired the key {}: {} died with it. The key {} ({}) signs",
                key.kid,
                live_tokens(&key),
                signing.kid,
                signing.algorithm
            );
            (key, true, Some(signing), text)
        }
        KeyRetirement::WasRetired(key) => {
            let at = key.retired_at.map(rfc3339_seconds).unwrap_or_default();
            let text = format!("nothing was changed: {} was retired {at}", key.kid);
            (key, false, None, text)
        }
        KeyRetirement::OnlyKey(key) => return Err(only_key(&key)),
        KeyRetirement::NoSuchKey => return Err(no_such_key()),
    };
    let view = json!({
        "changed": is_changed,
        "kid": key.kid,
        "died_tokens": key.usage.live_sessions,
        "signing": signing.as_ref().map(KeyView::new),
    });
    answer(args.keys.json, &view, &text)
}

async fn reseal(args: ResealArgs) -> anyhow::Result<ExitCode> {
    let config = args.database.check()?;
    let admin = services::open(&config)?;
    let (old, source) = find_server_key(&config)?;
    let change = server_key_change::prepare(&source, args.new_server_key_file.as_deref())?;
    let (done, mails) = admin.reseal_keys(&old, &change.new).await?;
    let file = change.finish()?.map(|path| path.display().to_string());
    let is_changed = done.resealed > 0 || mails > 0 || file.is_some();
    let keys = |count: usize| if count == 1 { "1 signing key".to_owned() } else { format!("{count} signing keys") };
    let sealed =
        || format!("{} and {mails} waiting {}", keys(done.resealed), if mails == 1 { "mail" } else { "mails" });
    let text = match (&file, is_changed) {
        (_, false) => format!("nothing was changed: {} sealed under the new server key already", keys(done.unchanged)),
        (Some(file), true) => {
            format!("sealed {} under a new server key, which is in {file} now. {RESEALED}", sealed())
        }
        (None, true) => format!("sealed {} under the new server key. {RESEALED}", sealed()),
    };
    let view = json!({
        "changed": is_changed,
        "resealed": done.resealed,
        "resealed_mails": mails,
        "unchanged": done.unchanged,
        "server_key_file": file,
    });
    answer(args.json, &view, &text)
}

/// The settings, the database and how the server signs.
fn open(args: &KeysArgs) -> anyhow::Result<(Config, AdminServices, KeyAlgorithm)> {
    let config = args.check()?;
    let Signing::KeyPair(algorithm) = config.signing else {
        return Err(refused(
            "JWT_SECRET is set: tokens are signed with it (HS256), and signing keys are not used. Unset it to sign with ES256",
        ));
    };
    let admin = services::open(&config)?;
    Ok((config, admin, algorithm))
}

fn find_server_key(config: &Config) -> anyhow::Result<(ServerKey, Source)> {
    server_key::find(config)?.ok_or_else(|| {
        misused("the server's key is needed, for signing keys are sealed with it: set SERVER_KEY or SERVER_KEY_FILE as the server has it")
    })
}

/// A key as `--json` shows it.
#[derive(Serialize)]
struct KeyView<'a> {
    kid: &'a str,
    algorithm: &'a str,
    state: &'static str,
    created_at: String,
    signs_from: String,
    retired_at: Option<String>,
    live_tokens: i64,
    tokens_until: Option<String>,
}

impl<'a> KeyView<'a> {
    fn new(key: &'a KeyRecord) -> Self {
        Self {
            kid: &key.kid,
            algorithm: &key.algorithm,
            state: state_word(key.state),
            created_at: rfc3339(key.created_at),
            signs_from: rfc3339(key.signs_from),
            retired_at: key.retired_at.map(rfc3339),
            live_tokens: key.usage.live_sessions,
            tokens_until: key.usage.until.map(rfc3339),
        }
    }
}

fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next",
        KeyState::Signing => "signing",
        KeyState::Old => "old",
        KeyState::Retired => "retired",
    }
}

fn live_tokens(key: &KeyRecord) -> String {
    match key.usage.live_sessions {
        0 => "no live tokens".to_owned(),
        1 => "live tokens of 1 sign-in".to_owned(),
        count => format!("live tokens of {count} sign-ins"),
    }
}
