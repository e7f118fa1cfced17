//! The server as a separate process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::TestDatabase;

/// Kills a process (`SIGKILL`).
pub fn kill(id: u32) {
    signal(id, Signal::KILL);
}

pub fn signal(id: u32, signal: Signal) {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).expect("a process ID");
    kill_process(pid, signal).expect("it runs");
}

/// `vestibule serve` on a free port, with counters on another. Killed when dropped.
pub struct ServerProcess {
    /// Such as `http://127.0.0.1:41234`.
    pub url: String,
    /// The secret in the printed set-up link, if any.
    pub setup_link: Option<String>,
    metrics_address: String,
    child: Child,
}

impl ServerProcess {
    /// Starts it and waits until it listens.
    pub fn start(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        Self::try_start(database, settings).expect("the server starts")
    }

    /// Starts it; `None` when it ends before it listens.
    pub fn try_start(database: &TestDatabase, settings: &[(&str, &str)]) -> Option<Self> {
        let mut command = database.serve(&[("METRICS_BIND", "127.0.0.1:0")]);
        command.envs(settings.iter().copied());
        Self::from_command(command)
    }

    /// Starts this `serve` command; `None` when it ends before it listens.
    pub fn from_command(mut command: Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let (mut address, mut metrics_address, mut setup_link) = (None, None, None);
        for line in lines.by_ref() {
            let word = |label: &str| line.trim().strip_prefix(label).map(|rest| rest.trim().to_owned());
            address = address.or_else(|| word("listening"));
            metrics_address = metrics_address.or_else(|| word("metrics"));
            setup_link = setup_link.or_else(|| line.split_once("/setup?link=").map(|(_, secret)| secret.to_owned()));
            if line.contains("/login") || setup_link.is_some() {
                break;
            }
        }
        let Some(address) = address else {
            child.wait().expect("it ended");
            return None;
        };
        // Reads the rest: the server must never block on its output.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            url: format!("http://{address}"),
            setup_link,
            metrics_address: metrics_address.unwrap_or_default(),
            child,
        })
    }

    /// The value of the server's counter with this name.
    pub async fn counter(&self, name: &str) -> u64 {
        let text = reqwest::get(format!("http://{}/metrics", self.metrics_address))
            .await
            .expect("a response")
            .text()
            .await
            .expect("text");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no counter {name} in {text}"))
    }

    /// Kills it (`SIGKILL`).
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Asks it to stop (`SIGTERM`).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self::signal(self.id(), signal);
    }

    /// Its standard error, if the command has it piped.
    pub fn take_stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("piped")
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ended")
    }

    /// Waits until it has ended; `None` if it has not after this time.
    pub fn wait_at_most(&mut self, limit: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
