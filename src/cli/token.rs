//! The `vestibule token` commands.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

use super::output::{failure, misused, no_such_user, print_value, rfc3339, write_out};
use super::services::CommandServices;
use crate::admin::script_tokens::{Issuing, MAX_TTL, MIN_TTL, ScriptToken};
use crate::clock::Clock;
use crate::config::{Config, ServerCommand, SettingArgs};
use crate::ops::server_key;
use crate::tokens::{Finding, Keys, TokenService, decode_unverified, explain};
use crate::users::LookupName;

/// The most bytes read; access tokens are far shorter.
const MAX_BYTES: u64 = 128 * 1024;

/// Commands on access tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Issue an access token for a script that acts as a user; prints only the token
    Issue(IssueArgs),
    /// Decode a token without verifying it; needs no database
    Inspect(InspectArgs),
    /// Verify a token and explain why it is rejected; run it with the server's settings
    Verify(VerifyArgs),
}

/// Arguments of `token issue`.
#[derive(Args)]
pub struct IssueArgs {
    /// User to issue the token for
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Scope of the token, which the user's roles must allow; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Lifetime, from 1 minute to 90 days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = ttl)]
    ttl: TimeDelta,
    /// Output JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs<ServerCommand>,
}

/// Arguments of `token inspect`.
#[derive(Args)]
pub struct InspectArgs {
    /// Read the token from a file instead of standard input
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `token verify`.
#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    token: InspectArgs,
    #[command(flatten)]
    settings: SettingArgs<ServerCommand>,
}

/// Runs a command on access tokens.
///
/// # Errors
/// Any failure; see [`super::output::report`].
pub async fn run(command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Issue(args) => issue(args).await,
        TokenCommand::Inspect(args) => inspect(&args),
        TokenCommand::Verify(args) => verify(args).await,
    }
}

async fn issue(args: IssueArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.check()?;
    let services = CommandServices::open(&config)?;
    let name = LookupName::parse(&args.user).ok_or_else(|| no_such_user(&args.user))?;
    let tokens = open_tokens(&config, &services).await?;
    let request = ScriptToken { name, scopes: args.scopes, ttl: args.ttl };
    match services.admin().issue_token(&tokens, request).await? {
        Issuing::Done { user, session, token } => {
            let expires_at = session.expires_at.map(rfc3339);
            let value = json!({
                "access_token": token, "token_type": "Bearer", "username": user.username, "id": user.id,
                "scope": session.scope.to_string(), "sid": session.id, "expires_at": expires_at,
            });
            if !args.json {
                // On standard error, which keeps standard output free for scripts.
                let _ = writeln!(
                    io::stderr(),
                    "issued a token for {0}, valid until {1}; to revoke it and end the user's other sessions, run \"vestibule users sign-out {0}\"",
                    user.username,
                    expires_at.unwrap_or_default()
                );
            }
            print_value(args.json, &value, &token)
        }
        Issuing::NoSuchUser => Err(no_such_user(&args.user)),
        Issuing::Disabled(user) => {
            Err(failure(format!("{0} is disabled: run \"vestibule users enable {0}\" first", user.username)))
        }
        Issuing::NotAllowed(user, scopes) => Err(failure(format!(
            "no role of {} allows {scopes}: run \"vestibule roles list\" to see what each role allows, or \"vestibule roles set\" to change it",
            user.username
        ))),
        Issuing::Invalid(error) => Err(failure(format!("--scope: {error}"))),
    }
}

async fn open_tokens(config: &Config, services: &CommandServices) -> anyhow::Result<TokenService> {
    let Some((server_key, _)) = server_key::find(config)? else {
        return Err(misused(
            "the server key is required because it encrypts the signing key: set SERVER_KEY or SERVER_KEY_FILE to the server's value, or start the server once",
        ));
    };
    let CommandServices { db, clock, sessions } = services;
    let keys = Keys::load(db, &config.signing, &server_key, clock.now()).await?;
    Ok(TokenService::new(keys, &server_key, config, clock.clone(), db.clone(), sessions))
}

fn inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let token = read(args.file.as_deref())?;
    let now = Clock::system().now();
    let decoded = decode_unverified(&token).map_err(|error| failure(error.to_string()))?;
    let (claims, notes) = (decoded.claim_lines(now), decoded.notes(now));
    if args.json {
        let value = json!({ "header": decoded.header, "claims": decoded.claims, "notes": notes });
        return print_value(true, &value, "");
    }
    write_out(|out| {
        for (heading, lines) in [("header", decoded.header_lines()), ("claims", claims)] {
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
    let services = CommandServices::open(&config)?;
    let findings = explain(&token, &config, &services.db, services.clock.now()).await?;
    let is_valid = findings.iter().all(|finding| finding.ok);
    let line =
        |Finding { check, ok, text }: &Finding| format!("{:<4} {check:<10} {text}", if *ok { "ok" } else { "FAIL" });
    let mut lines: Vec<String> = findings.iter().map(line).collect();
    lines.push(if is_valid { "valid" } else { "not valid" }.to_owned());
    print_value(args.token.json, &findings, &lines.join("\n"))?;
    Ok(ExitCode::from(u8::from(!is_valid)))
}

/// Reads the token, without surrounding whitespace and a leading `Bearer`, from a file or standard input; never from an
/// argument, which local users can read.
fn read(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = match file {
        Some(path) => {
            let opened = File::open(path).with_context(|| format!("cannot open the file {}", path.display()))?;
            opened.take(MAX_BYTES).read_to_string(&mut text)
        }
        None if io::stdin().is_terminal() => {
            let _ = write!(io::stderr(), "Paste the token and press Enter: ");
            io::stdin().read_line(&mut text)
        }
        None => io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text),
    };
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            failure("not a token: the input is not UTF-8 text. Pass the value of access_token")
        }
        _ => anyhow::Error::new(error).context("cannot read the token"),
    })?;
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    Ok(Zeroizing::new(token.trim().to_owned()))
}

/// Parses the lifetime of a script's token.
fn ttl(text: &str) -> Result<TimeDelta, String> {
    let ttl = humantime::parse_duration(text).ok().and_then(|ttl| TimeDelta::from_std(ttl).ok());
    ttl.filter(|ttl| (MIN_TTL..=MAX_TTL).contains(ttl))
        .ok_or_else(|| "use a duration from 1 minute to 90 days, such as 30m, 12h or 90d".to_owned())
}
