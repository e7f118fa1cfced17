//! The server as people reach it: at `PUBLIC_URL`, through its reverse proxy.

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{COOKIE, SET_COOKIE};

use super::Finding;
use crate::clock::Clock;
use crate::config::Config;
use crate::ops::doctor_endpoint::{Arrival, DoctorKey, PATH, TICKET_HEADER};
use crate::secret::ServerKey;

const CHECK: &str = "public URL";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// The response has a few hundred bytes; another server could send anything.
const MAX_BYTES: usize = 16 * 1024;

/// Asks the server how a request arrives, and once more with the cookie that it set.
pub(super) async fn check(config: &Config, server_key: Option<&ServerKey>) -> Vec<Finding> {
    let Some(server_key) = server_key else {
        let text = "it was not checked, because there is no server key to sign the request with";
        return vec![Finding::warning(CHECK, text)];
    };
    match ask_twice(config, server_key).await {
        Ok(arrival) => judge(config, &arrival),
        Err(text) => vec![Finding::error(CHECK, text)],
    }
}

async fn ask_twice(config: &Config, server_key: &ServerKey) -> Result<Arrival, String> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // A proxy for requests to the Internet is no part of the way that people take.
        .no_proxy()
        .build()
        .map_err(|error| format!("TLS cannot be set up: {}", with_causes(&error)))?;
    let url = format!("{}{PATH}", config.public_url);
    let ticket = DoctorKey::new(server_key).ticket(Clock::system().now());
    let (_, cookie) = ask(&client, &url, &ticket, None).await?;
    let (arrival, _) = ask(&client, &url, &ticket, cookie).await?;
    Ok(arrival)
}

/// One request; returns the response and the cookie that it sets, as `NAME=VALUE`.
async fn ask(
    client: &reqwest::Client,
    url: &str,
    ticket: &str,
    cookie: Option<String>,
) -> Result<(Arrival, Option<String>), String> {
    let mut request = client.get(url).header(TICKET_HEADER, ticket);
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    let mut response = request.send().await.map_err(|error| {
        format!(
            "{}. Check that the server and its proxy run, the DNS name, the certificate and PUBLIC_URL",
            with_causes(&error)
        )
    })?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            return Err(format!(
                "the server at {url} does not accept this command's server key: another server responds there, or it has another SERVER_KEY, a clock that is wrong by a minute, or an earlier release"
            ));
        }
        status if status.is_redirection() => {
            return Err(format!(
                "{url} is redirected (status {status}): set PUBLIC_URL to the address that people end at"
            ));
        }
        status => {
            return Err(format!(
                "{url} responds with status {status}: look at the logs of the proxy and of the server"
            ));
        }
    }
    let cookie = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .find(|pair| pair.contains("vestibule_doctor="))
        .map(str::to_owned);
    let not_ours =
        |reason: String| format!("the response of {url} is not from this program ({reason}): check the proxy");
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| not_ours(with_causes(&error)))? {
        if body.len() + part.len() > MAX_BYTES {
            return Err(not_ours("it is too long".to_owned()));
        }
        body.extend_from_slice(&part);
    }
    let arrival = serde_json::from_slice(&body).map_err(|error| not_ours(error.to_string()))?;
    Ok((arrival, cookie))
}

fn judge(config: &Config, arrival: &Arrival) -> Vec<Finding> {
    let public_url = &config.public_url;
    let mut findings = Vec::new();
    if !arrival.has_cookie {
        findings.push(Finding::error(CHECK, "a cookie that the server set did not come back: no one can sign in. Let the proxy pass Set-Cookie and Cookie"));
    }
    if arrival.scheme != public_url.scheme() {
        findings.push(Finding::error(CHECK, format!("the proxy says that people use {}, and PUBLIC_URL={public_url}: correct X-Forwarded-Proto or PUBLIC_URL", arrival.scheme)));
    }
    if arrival.host != public_url.host_and_port() {
        findings.push(Finding::warning(CHECK, format!("the server sees the host {}, and not {}: let the proxy pass the Host header (nginx: proxy_set_header Host $host)", shown(&arrival.host), public_url.host_and_port())));
    }
    let is_forwarded = arrival.forwarded_for.is_some() || arrival.forwarded_proto.is_some();
    let peer = shown(&arrival.peer);
    if is_forwarded && !arrival.is_from_trusted_proxy {
        findings.push(Finding::warning(CHECK, format!("the proxy at {peer} is not in TRUSTED_PROXIES: its X-Forwarded-* headers are ignored, and all people share the rate limits of its address. Add {peer}")));
    }
    if arrival.is_from_trusted_proxy && arrival.forwarded_for.is_none() {
        findings.push(Finding::warning(CHECK, format!("{peer} is in TRUSTED_PROXIES, but sends no X-Forwarded-For: all people share the rate limits of its address. Let the proxy send it")));
    }
    if findings.is_empty() {
        let header = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!(", {name}: {}", shown(value))).unwrap_or_default()
        };
        findings.push(Finding::ok(CHECK, format!(
            "{public_url} responds, and cookies come back; the server sees {}://{}, the client {} from {peer}{}{}{}",
            shown(&arrival.scheme),
            shown(&arrival.host),
            shown(&arrival.client),
            header("X-Forwarded-For", &arrival.forwarded_for),
            header("X-Forwarded-Proto", &arrival.forwarded_proto),
            header("X-Forwarded-Host", &arrival.forwarded_host),
        )));
    }
    findings
}

/// A proxy could put control characters for the terminal into a header.
fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

/// The error without the URL, which the caller names, and with its causes.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::ops::doctor::Level;

    /// What a correctly configured proxy with TLS causes.
    fn behind_proxy() -> Arrival {
        Arrival {
            scheme: "https".to_owned(),
            host: "login.example.com".to_owned(),
            peer: "127.0.0.1".to_owned(),
            is_from_trusted_proxy: true,
            client: "192.0.2.7".to_owned(),
            forwarded_for: Some("192.0.2.7".to_owned()),
            forwarded_proto: Some("https".to_owned()),
            forwarded_host: None,
            has_cookie: true,
        }
    }

    fn judged(change: impl Fn(&mut Arrival)) -> (Level, String) {
        let mut settings = Settings::default();
        settings.set("PUBLIC_URL", "https://login.example.com");
        let mut arrival = behind_proxy();
        change(&mut arrival);
        let findings = judge(&settings.check().expect("valid"), &arrival);
        assert_eq!(findings.len(), 1, "{findings:?}");
        (findings[0].level, findings[0].text.clone())
    }

    #[test]
    fn each_mistake_of_a_proxy_is_named() {
        let (level, text) = judged(|_| {});
        assert!(level == Level::Ok && text.contains("the client 192.0.2.7 from 127.0.0.1, X-Forwarded-For"), "{text}");
        for (change, expected, words) in [
            ((|arrival| arrival.has_cookie = false) as fn(&mut Arrival), Level::Error, "did not come back"),
            (|arrival| arrival.scheme = "http".to_owned(), Level::Error, "correct X-Forwarded-Proto"),
            (|arrival| arrival.host = "127.0.0.1:8080".to_owned(), Level::Warning, "pass the Host header"),
            (|arrival| arrival.is_from_trusted_proxy = false, Level::Warning, "Add 127.0.0.1"),
            (|arrival| arrival.forwarded_for = None, Level::Warning, "sends no X-Forwarded-For"),
        ] {
            let (level, text) = judged(change);
            assert!(level == expected && text.contains(words), "{level:?} {text}");
        }
        let (_, text) = judged(|arrival| arrival.forwarded_host = Some("\u{1b}[2J".to_owned()));
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
