//! `vestibule token …`: make a token for a script, read one, say what is wrong with one. A token comes from standard input or a file,
//! never from an argument, which every user of the machine can read.
//! What may not live here: the rules (`admin::tokens`, `tokens::explain`), SQL.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

use super::output::{answer, misused, no_such_user, refused, rfc3339, write_out};
use super::services;
use crate::admin::AdminServices;
use crate::admin::tokens::{Issuing, MAX_TTL, MIN_TTL, ScriptToken};
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::ops::server_key;
use crate::sessions::Lifetimes;
use crate::tokens::{Finding, Keys, Tokens, explain, read_unchecked};
use crate::users::LookupName;

/// The most bytes that are read; a token of ours is shorter.
const MAX_BYTES: u64 = 128 * 1024;

/// Commands on access tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make an access token for a script that acts for a user, and print it alone
    Issue(Box<IssueArgs>),
    /// Show what stands in a token, without checking it and without the database
    Inspect(InspectArgs),
    /// Say in words whether a token serves, and if not why; run it with the server's settings
    Verify(Box<VerifyArgs>),
}

/// Arguments of `token issue`.
#[derive(Args)]
pub struct IssueArgs {
    /// The user it speaks for
    #[arg(long, value_name = "NAME")]
    user: String,
    /// A scope that it is to have and that the user's roles allow; can be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// How long it lives: 1 minute to 90 days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = ttl)]
    ttl: TimeDelta,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Arguments of `token inspect`.
#[derive(Args)]
pub struct InspectArgs {
    /// Read the token from a file instead of standard input
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `token verify`.
#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    token: InspectArgs,
    #[command(flatten)]
    settings: Settings,
}

/// Runs a command on access tokens.
///
/// # Errors
/// When it is refused or meets a fault; see [`super::output::report`].
pub async fn run(command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Issue(args) => issue(*args).await,
        TokenCommand::Inspect(args) => inspect(&args),
        TokenCommand::Verify(args) => verify(*args).await,
    }
}

async fn issue(args: IssueArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let admin = services::open(&config)?;
    let name = LookupName::parse(&args.user).ok_or_else(|| no_such_user(&args.user))?;
    let tokens = open_tokens(&config, &admin).await?;
    let wish = ScriptToken { name, scopes: args.scopes, ttl: args.ttl };
    match admin.issue_token(&tokens, Lifetimes::new(config.lifetimes), wish).await? {
        Issuing::Done { user, session, token } => {
            let expires_at = session.expires_at.map(rfc3339);
            let value = json!({
                "access_token": token, "token_type": "Bearer", "username": user.username, "id": user.id,
                "scope": session.scope.to_string(), "sid": session.id, "expires_at": expires_at,
            });
            if !args.json {
                // Beside the token, not in it: standard output can be handed on as it is.
                let _ = writeln!(
                    io::stderr(),
                    "a token for {0} until {1}; \"vestibule users sign-out {0}\" ends it, with the user's other sessions",
                    user.username,
                    expires_at.unwrap_or_default()
                );
            }
            answer(args.json, &value, &token)
        }
        Issuing::NoSuchUser => Err(no_such_user(&args.user)),
        Issuing::Disabled(user) => Err(refused(format!(
            "{0} is disabled and can have no token: run \"vestibule users enable {0}\" first",
            user.username
        ))),
        Issuing::NotAllowed(user, scopes) => Err(refused(format!(
            "no role of {} allows {scopes}: \"vestibule roles list\" shows what each role allows, \"vestibule roles set\" changes it",
            user.username
        ))),
        Issuing::Invalid(fault) => Err(refused(format!("--scope: {fault}"))),
    }
}

async fn open_tokens(config: &Config, admin: &AdminServices) -> anyhow::Result<Tokens> {
    let Some((server_key, _)) = server_key::find(config)? else {
        return Err(misused(
            "the server's key is needed, for the signing key is sealed with it: set SERVER_KEY or SERVER_KEY_FILE as the server has it, or start the server once",
        ));
    };
    let keys = Keys::load(&admin.db, &config.signing, &server_key, admin.clock.now()).await?;
    Ok(Tokens::new(keys, config, admin.clock.clone(), admin.db.clone()))
}

fn inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let token = read(args.file.as_deref())?;
    let now = Clock::system().now();
    let unchecked = read_unchecked(&token).map_err(|error| refused(error.to_string()))?;
    let (claims, notes) = (unchecked.claim_lines(now), unchecked.notes(now));
    if args.json {
        let value = json!({ "header": unchecked.header, "claims": unchecked.claims, "notes": notes });
        return answer(true, &value, "");
    }
    write_out(|out| {
        for (heading, lines) in [("header", unchecked.header_lines()), ("claims", claims)] {
            writeln!(out, "{heading}")?;
            for (name, value) in lines {
                writeln!(out, "  {name:<10} {value}")?;
            }
        }
        notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let token = read(args.token.file.as_deref())?;
    let admin = services::open(&config)?;
    let findings = explain(&token, &config, &admin.db, admin.clock.now()).await?;
    let serves = findings.iter().all(|finding| finding.ok);
    let line = |Finding { check, ok, text }: &Finding| format!("{} {check:<10} {text}", if *ok { "ok" } else { "NO" });
    let mut lines: Vec<String> = findings.iter().map(line).collect();
    lines.push(if serves { "it serves" } else { "it does not serve" }.to_owned());
    answer(args.token.json, &findings, &lines.join("\n"))?;
    Ok(ExitCode::from(u8::from(!serves)))
}

/// The token, from a file or standard input, without the spaces and line ends around it and without `Bearer` before it.
fn read(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = match file {
        Some(path) => {
            let opened = File::open(path).with_context(|| format!("the file {} cannot be opened", path.display()))?;
            opened.take(MAX_BYTES).read_to_string(&mut text)
        }
        None if io::stdin().is_terminal() => {
            let _ = write!(io::stderr(), "Paste the token and press Enter: ");
            io::stdin().read_line(&mut text)
        }
        None => io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text),
    };
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => refused("this is no token: it is not even text"),
        _ => anyhow::Error::new(error).context("the token cannot be read"),
    })?;
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    Ok(Zeroizing::new(token.trim().to_owned()))
}

/// The life of a script's token.
fn ttl(text: &str) -> Result<TimeDelta, String> {
    let ttl = humantime::parse_duration(text).ok().and_then(|ttl| TimeDelta::from_std(ttl).ok());
    ttl.filter(|ttl| (MIN_TTL..=MAX_TTL).contains(ttl))
        .ok_or_else(|| "write a duration such as 30m, 12h or 90d, from 1 minute to 90 days".to_owned())
}
