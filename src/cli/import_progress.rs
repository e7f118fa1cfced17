//! The progress of an import: a bar with the rate and the time left on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::eprint_note;
use crate::user_files::Progress;

/// The time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows progress on standard error, which keeps standard output free for the report.
pub struct ProgressDisplay {
    bar: ProgressBar,
    length: Option<u64>,
    began: Instant,
    last_line: Instant,
    is_terminal: bool,
}

impl ProgressDisplay {
    /// A display for a file of this length in bytes, if it is known.
    #[must_use]
    pub fn new(length: Option<u64>) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr_with_hz(4) } else { ProgressDrawTarget::hidden() };
        let (bar, template) = match length {
            Some(length) => {
                (ProgressBar::with_draw_target(Some(length), target), "{wide_bar} {percent}%  {msg}  {eta} left")
            }
            None => (ProgressBar::with_draw_target(None, target), "{spinner} {msg}  {elapsed}"),
        };
        bar.set_style(ProgressStyle::with_template(template).expect("a valid template"));
        let now = Instant::now();
        Self { bar, length, began: now, last_line: now, is_terminal }
    }

    /// Shows how far the import is.
    pub fn show(&mut self, progress: Progress) {
        let Progress { rows, bytes } = progress;
        let milliseconds = self.began.elapsed().as_millis().max(1);
        let rate = u128::from(rows) * 1_000 / milliseconds;
        if self.is_terminal {
            self.bar.set_message(format!("{rows} rows, {rate} a second"));
            self.bar.set_position(bytes);
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let left = self.length.map_or_else(String::new, |length| {
                let left = u128::from(length.saturating_sub(bytes)) * milliseconds / u128::from(bytes.max(1));
                format!(", about {} s left", left / 1_000)
            });
            eprint_note(&format!("{rows} rows, {rate} a second{left}"));
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
