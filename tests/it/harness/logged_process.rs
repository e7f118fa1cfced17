//! A process whose output a test reads line by line while it runs.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The time limit of a wait for a line, long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A running process. Killed when dropped.
pub struct LoggedProcess {
    child: Child,
    lines: Receiver<String>,
    /// All lines so far, of standard output and standard error.
    pub seen: Vec<String>,
}

impl LoggedProcess {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (sender, lines) = channel();
        read_lines(child.stdout.take().expect("piped"), sender.clone());
        read_lines(child.stderr.take().expect("piped"), sender);
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line that contains `words`, unless there was one already, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(words)) {
            return line.clone();
        }
        let until = Instant::now() + TIMEOUT;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
        panic!("{words:?} is not in {:#?}", self.seen);
    }

    /// The URL of a server, after it has started.
    #[track_caller]
    pub fn wait_for_url(&mut self) -> String {
        let line = self.wait_for("  listening ");
        let address = line.trim().strip_prefix("listening").expect("the label").trim();
        format!("http://{address}")
    }

    /// Waits until it has ended, and reads the rest of its output.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + TIMEOUT;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => match self.child.try_wait().expect("it can be waited for") {
                    Some(status) => return status,
                    None if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
                    None => panic!("it has not ended: {:#?}", self.seen),
                },
            }
        }
    }

    /// The number of lines so far that contain `words`.
    pub fn count(&self, words: &str) -> usize {
        self.seen.iter().filter(|line| line.contains(words)).count()
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for LoggedProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(from: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                // Goes on reading: the process must never block on its output.
            }
        }
    });
}
