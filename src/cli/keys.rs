//! The `vestibule keys` commands.

use std::process::ExitCode;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::json;

pub use super::keys_args::{KeysArgs, KeysCommand, ResealArgs, RetireArgs, RotateArgs};
use super::output::{Table, failure, misused, print_result, print_value, rfc3339, rfc3339_seconds, write_out};
use super::prompt::is_confirmed;
use super::services;
use crate::admin::{AdminService, KeyRotation};
use crate::config::{Config, KeyAlgorithm, Signing};
use crate::ops::server_key::{self, ServerKeySource};
use crate::ops::server_key_change;
use crate::secret::ServerKey;
use crate::tokens::{KeyRecord, KeyRetirement, KeyState};

/// What the administrator must do after resealing, and its effects.
const AFTER_RESEAL: &str = "Restart every instance with the new key. Users must then sign in again in their browsers and reopen set-up and reset links, and failed sign-in counts and known devices are cleared. Access and refresh tokens stay valid";

/// Runs a command on signing keys.
///
/// # Errors
/// Any failure; see [`super::output::report`].
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
        return print_value(true, &views, "");
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
    if args.now {
        return replace(&admin, algorithm, &server_key, &args).await;
    }
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
        let text = format!("created the first key {} ({}); it signs immediately", next.kid, next.algorithm);
        return print_result(args.keys.json, &view, &text);
    };
    let outcome = if is_new { "published the next key" } else { "nothing was changed: already published the next key" };
    let text = format!(
        "{outcome} {} ({}); it signs from {}\nkey {} ({}) has {} and is kept until {} or shortly after",
        next.kid,
        next.algorithm,
        rfc3339_seconds(next.signs_from),
        old.kid,
        old.algorithm,
        live_tokens(&old),
        rfc3339_seconds(until),
    );
    print_result(args.keys.json, &view, &text)
}

/// Replaces all keys by a new one.
async fn replace(
    admin: &AdminService,
    algorithm: KeyAlgorithm,
    server_key: &ServerKey,
    args: &RotateArgs,
) -> anyhow::Result<ExitCode> {
    let question = "Replace all signing keys at once? This invalidates all access tokens; browsers and refresh tokens get new ones. Resource servers that cache the keys reject the new tokens until they load them again.";
    if !args.yes && !is_confirmed(question, "--yes")? {
        return Err(failure("not confirmed; nothing was changed"));
    }
    let (new, retired) = admin.replace_keys(algorithm, server_key).await?;
    let view = json!({
        "changed": true,
        "signing": KeyView::new(&new),
        "retired": retired.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(),
    });
    let retired: Vec<String> = retired
        .iter()
        .map(|key| format!("\nretired key {} and revoked its tokens ({})", key.kid, live_tokens(key)))
        .collect();
    print_result(args.keys.json, &view, &format!("key {} ({}) now signs{}", new.kid, new.algorithm, retired.concat()))
}

async fn retire(args: RetireArgs) -> anyhow::Result<ExitCode> {
    let (_, admin, algorithm) = open(&args.keys)?;
    let no_such_key = || failure(format!("no such key: {}. Run \"vestibule keys list\" to see all keys", args.kid));
    let only_key = |key: &KeyRecord| {
        failure(format!(
            "{} is the only key that can sign; nothing was changed: run \"vestibule keys rotate\" first (with --after 2s if urgent), and retire this key once the next one signs",
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
                "Retire key {} ({})? This immediately invalidates the tokens signed with it ({}).",
                key.kid,
                key.algorithm,
                live_tokens(key)
            );
            if !is_confirmed(&question, "--yes")? {
                return Err(failure("not confirmed; nothing was changed"));
            }
        }
    }
    let (key, is_changed, signing, text) = match admin.retire_key(algorithm, &args.kid).await? {
        KeyRetirement::Retired { key, signing } => {
            let text = format!(
                "retired key {} and revoked its tokens ({}); key {} ({}) now signs",
                key.kid,
                live_tokens(&key),
                signing.kid,
                signing.algorithm
            );
            (key, true, Some(signing), text)
        }
        KeyRetirement::AlreadyRetired(key) => {
            let at = key.retired_at.map(rfc3339_seconds).unwrap_or_default();
            let text = format!("nothing was changed: key {} was already retired on {at}", key.kid);
            (key, false, None, text)
        }
        KeyRetirement::OnlyKey(key) => return Err(only_key(&key)),
        KeyRetirement::NoSuchKey => return Err(no_such_key()),
    };
    let view = json!({
        "changed": is_changed,
        "kid": key.kid,
        "revoked_tokens": key.usage.live_sessions,
        "signing": signing.as_ref().map(KeyView::new),
    });
    print_result(args.keys.json, &view, &text)
}

async fn reseal(args: ResealArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let admin = services::admin(&config)?;
    let (old, source) = find_server_key(&config)?;
    let change = server_key_change::prepare(&source, args.new_server_key_file.as_deref())?;
    let (done, mails) = admin.reseal_keys(&old, &change.new).await?;
    let file = change.finish()?.map(|path| path.display().to_string());
    let is_changed = done.resealed > 0 || mails > 0 || file.is_some();
    let keys = |count: usize| if count == 1 { "1 signing key".to_owned() } else { format!("{count} signing keys") };
    let resealed =
        || format!("{} and {mails} queued {}", keys(done.resealed), if mails == 1 { "email" } else { "emails" });
    let text = match (&file, is_changed) {
        (_, false) => format!("nothing was changed: {} already use the new server key", keys(done.unchanged)),
        (Some(file), true) => {
            format!("resealed {} with a new server key, now stored in {file}. {AFTER_RESEAL}", resealed())
        }
        (None, true) => format!("resealed {} with the new server key. {AFTER_RESEAL}", resealed()),
    };
    let view = json!({
        "changed": is_changed,
        "resealed": done.resealed,
        "resealed_mails": mails,
        "unchanged": done.unchanged,
        "server_key_file": file,
    });
    print_result(args.json, &view, &text)
}

/// Checks the settings and opens the database; fails if the server signs with HS256.
fn open(args: &KeysArgs) -> anyhow::Result<(Config, AdminService, KeyAlgorithm)> {
    let config = args.settings.check()?;
    let Signing::KeyPair(algorithm) = config.signing else {
        return Err(failure(
            "JWT_SECRET is set, so tokens are signed with it (HS256) and signing keys are not used: unset it to use signing keys",
        ));
    };
    let admin = services::admin(&config)?;
    Ok((config, admin, algorithm))
}

fn find_server_key(config: &Config) -> anyhow::Result<(ServerKey, ServerKeySource)> {
    server_key::find(config)?.ok_or_else(|| {
        misused("the server key is required because it encrypts the signing keys: set SERVER_KEY or SERVER_KEY_FILE to the server's value")
    })
}

/// A key in `--json` output.
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
        1 => "live tokens of 1 session".to_owned(),
        count => format!("live tokens of {count} sessions"),
    }
}
