//! A real mail server (`tests/peers/smtp_server.py`), servers that send through it, and their queue.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use vestibule::clock::Clock;
use vestibule::config::Settings;
use vestibule::mail::{Mail, Queued};

use super::direct_database::DirectConnection;
use super::{TestApp, TestDatabase, peers};

/// How long a mail may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The options of a mail server; by default it accepts everything, without TLS.
#[derive(Clone, Copy, Default)]
pub struct MailOptions {
    pub tls: MailTls,
    /// The password that it requires.
    pub password: Option<&'static str>,
}

/// The TLS mode of a mail server.
#[derive(Clone, Copy, Default)]
pub enum MailTls {
    /// No TLS.
    #[default]
    None,
    /// It requires STARTTLS.
    Start,
    /// TLS from the first byte.
    Implicit,
}

/// A mail server. Killed when dropped.
pub struct MailServer {
    /// Its port, also after it was killed.
    pub port: u16,
    options: MailOptions,
    child: Child,
    folder: tempfile::TempDir,
}

/// A received mail.
#[derive(Clone, Debug, Deserialize)]
pub struct Received {
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// By lower-case name.
    pub headers: std::collections::BTreeMap<String, String>,
    pub text: String,
    pub html: String,
    /// Whether it came through TLS.
    pub is_protected: bool,
}

impl Received {
    /// The path and query of the link in the text.
    pub fn link(&self) -> String {
        let (_, rest) = self.text.split_once("http://localhost:8080/").expect("a link");
        let path = rest.split_whitespace().next().expect("a path");
        assert!(
            self.html.contains(&format!("href=\"http://localhost:8080/{path}\"")),
            "the same link in HTML: {}",
            self.html
        );
        format!("/{path}")
    }

    pub fn subject(&self) -> &str {
        &self.headers["subject"]
    }
}

impl MailServer {
    /// A server that accepts everything.
    pub fn start() -> Self {
        Self::start_with(MailOptions::default())
    }

    /// A server with these options.
    pub fn start_with(options: MailOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("mode"), "ok").expect("written");
        let (child, port) = listen(&folder, peers::free_port(), options);
        Self { port, options, child, folder }
    }

    /// Sets its reply from now on: `ok`, `slow`, or a reply code.
    pub fn set_reply(&self, mode: &str) {
        std::fs::write(self.folder.path().join("mode"), mode).expect("written");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        self.child = listen(&self.folder, self.port, self.options).0;
    }

    /// The file with the certificate of its issuer.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The received mails, in order.
    pub fn received(&self) -> Vec<Received> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
                !is_hidden && path.extension().is_some_and(|extension| extension == "json")
            })
            .collect();
        files.sort();
        let read = |path: PathBuf| serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("a mail");
        files.into_iter().map(read).collect()
    }

    /// Waits until `count` mails have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let began = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(began.elapsed() < TIMEOUT, "{count} mails: {received:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for a mail with this subject to this address.
    pub async fn wait_for_one(&self, to: &str, subject: &str) -> Received {
        let began = Instant::now();
        loop {
            if let Some(mail) = self.received().into_iter().find(|mail| mail.to == [to] && mail.subject() == subject) {
                return mail;
            }
            assert!(began.elapsed() < TIMEOUT, "{subject}: {:#?}", self.received());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The value of `SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Configures a server to send through this one.
    pub fn settings(&self, settings: &mut Settings) {
        settings.set("SMTP_URL", self.url());
        settings.set("MAIL_FROM", "Example Login <login@example.com>");
    }

    /// A server that sends through this one.
    pub async fn app(&self) -> TestApp {
        self.app_with(|_| {}).await
    }

    /// Like [`Self::app`], with some settings changed.
    pub async fn app_with(&self, change: impl FnOnce(&mut Settings)) -> TestApp {
        self.app_on(TestDatabase::create(), change).await
    }

    /// Like [`Self::app_with`], on an existing database.
    pub async fn app_on(&self, database: TestDatabase, change: impl FnOnce(&mut Settings)) -> TestApp {
        TestApp::start_on(database, Clock::system(), |settings| {
            self.settings(settings);
            change(settings);
        })
        .await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Queues a mail as the routes do.
pub async fn queue(app: &TestApp, mail: Mail) -> Queued {
    let (outbox, now) = (app.services.accounts.outbox().clone(), app.clock.now());
    app.write(move |conn| outbox.queue(conn, mail, now)).await
}

/// The number of queued mails that match `condition`.
pub fn count_queued(database: &TestDatabase, condition: &str) -> i64 {
    DirectConnection::open(database).count("outbox", condition)
}

/// Waits until `expected` queued mails match `condition`.
pub async fn wait_until_queued(database: &TestDatabase, expected: i64, condition: &str) {
    let began = Instant::now();
    while count_queued(database, condition) != expected {
        assert!(began.elapsed() < TIMEOUT, "not {expected} mails with {condition}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn listen(folder: &tempfile::TempDir, port: u16, options: MailOptions) -> (Child, u16) {
    let mut command = peers::python().into_std();
    command.arg(peers::folder().join("smtp_server.py")).env("FOLDER", folder.path()).env("PORT", port.to_string());
    command.env(
        "TLS",
        match options.tls {
            MailTls::None => "",
            MailTls::Start => "start",
            MailTls::Implicit => "implicit",
        },
    );
    if let Some(password) = options.password {
        command.env("PASSWORD", password);
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("Python runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it prints its port");
    (child, line.trim().parse().expect("a port"))
}
