//! Limits a log line to one a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// Decides which of many equal events is logged. Constructed as a `static`, one for each line.
#[derive(Debug)]
pub struct LogLimit(Mutex<State>);

#[derive(Debug)]
struct State {
    last_line_at: Option<Instant>,
    /// Events since the last line.
    count: u64,
}

impl LogLimit {
    /// No event yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State { last_line_at: None, count: 0 }))
    }

    /// Counts an event. Returns the number of events since the last line, at least 1, if it is time for the next one.
    /// Events after the last line are not logged before the next event.
    #[must_use]
    pub fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.last_line_at.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return None;
        }
        state.last_line_at = Some(now);
        Some(std::mem::take(&mut state.count))
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_is_one_line_a_second_with_a_count() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        assert_eq!(limit.admit_at(start), Some(1), "the first is logged at once");
        for milliseconds in 1..1_000 {
            assert_eq!(limit.admit_at(start + Duration::from_millis(milliseconds)), None);
        }
        assert_eq!(limit.admit_at(start + INTERVAL), Some(1_000));
        assert_eq!(limit.admit_at(start + INTERVAL), None);
    }
}
