//! The two lanes of the hash pool: bounded queues, of which the first comes first.

use std::collections::{HashMap, VecDeque};

use super::HashPoolFull;

/// The most slots of the first lane that one account holds. Its further attempts go to the second lane: a person with
/// an account cannot fill the lane of all others.
const SLOTS_PER_ACCOUNT: usize = 8;
/// The most jobs of the first lane in a row while one of the second waits. The second lane gets a fifth of the threads
/// at least: people at new browsers are delayed by a full first lane and not locked out.
const FIRST_IN_A_ROW: usize = 4;

/// A lane.
#[derive(Clone, Copy, Debug)]
pub enum Lane<'a> {
    /// Known browsers and signed-in people, by account, and jobs that are limited otherwise.
    First(Option<&'a str>),
    /// Everyone else.
    Second,
}

/// A slot in a lane.
#[derive(Debug)]
pub enum Place {
    /// In the first lane, counted for this account.
    First(Option<String>),
    /// In the second lane.
    Second,
}

/// Two bounded queues.
pub struct Lanes<T> {
    first: Queue<T>,
    second: Queue<T>,
    /// Slots of the first lane by account; at most as many entries as the lane has slots.
    by_account: HashMap<String, usize>,
    /// Jobs of the first lane since the last one of the second.
    in_a_row: usize,
    /// Whether the threads should end when both lanes are empty.
    pub is_closed: bool,
}

struct Queue<T> {
    jobs: VecDeque<(Place, usize, T)>,
    /// Slots that are neither reserved nor hold a job.
    free: usize,
}

impl<T> Queue<T> {
    fn new(slots: usize) -> Self {
        Self { jobs: VecDeque::new(), free: slots }
    }
}

impl<T> Lanes<T> {
    /// Two lanes with `slots` slots each.
    pub fn new(slots: usize) -> Self {
        let by_account = HashMap::new();
        Self { first: Queue::new(slots), second: Queue::new(slots), by_account, in_a_row: 0, is_closed: false }
    }

    /// Whether a slot is free for this lane.
    pub fn has_room(&self, lane: Lane<'_>) -> bool {
        match lane {
            Lane::First(account) => {
                let held = account.and_then(|account| self.by_account.get(account)).copied().unwrap_or_default();
                self.first.free > 0 && held < SLOTS_PER_ACCOUNT
            }
            Lane::Second => self.second.free > 0,
        }
    }

    /// Takes a slot; `None` when none is free.
    pub fn take(&mut self, lane: Lane<'_>) -> Option<Place> {
        if !self.has_room(lane) {
            return None;
        }
        Some(match lane {
            Lane::First(account) => {
                self.first.free -= 1;
                let account = account.map(str::to_owned);
                if let Some(account) = &account {
                    *self.by_account.entry(account.clone()).or_default() += 1;
                }
                Place::First(account)
            }
            Lane::Second => {
                self.second.free -= 1;
                Place::Second
            }
        })
    }

    /// Makes a slot free.
    pub fn release(&mut self, place: &Place) {
        match place {
            Place::First(account) => {
                self.first.free += 1;
                let Some(account) = account else { return };
                if let Some(held) = self.by_account.get_mut(account) {
                    *held -= 1;
                    if *held == 0 {
                        self.by_account.remove(account);
                    }
                }
            }
            Place::Second => self.second.free += 1,
        }
    }

    /// Adds a job that costs `slots` slots, of which one was taken before its cost was known. Fails, and makes that one
    /// free, if the others are not: except in an empty lane, which has room for one job of any cost.
    pub fn push(&mut self, place: Place, slots: usize, job: T) -> Result<(), HashPoolFull> {
        let lane = match place {
            Place::First(_) => &mut self.first,
            Place::Second => &mut self.second,
        };
        let more = if lane.jobs.is_empty() { (slots - 1).min(lane.free) } else { slots - 1 };
        if more > lane.free {
            self.release(&place);
            return Err(HashPoolFull);
        }
        lane.free -= more;
        lane.jobs.push_back((place, more, job));
        Ok(())
    }

    /// Takes the next job and makes its slots free.
    pub fn pop(&mut self) -> Option<T> {
        let is_turn_of_second = self.in_a_row >= FIRST_IN_A_ROW && !self.second.jobs.is_empty();
        let first = if is_turn_of_second { None } else { self.first.jobs.pop_front() };
        self.in_a_row = if first.is_some() { self.in_a_row.saturating_add(1) } else { 0 };
        let (place, more, job) = first.or_else(|| self.second.jobs.pop_front())?;
        match place {
            Place::First(_) => self.first.free += more,
            Place::Second => self.second.free += more,
        }
        self.release(&place);
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Lane<'_> = Lane::First(Some("alice"));

    fn add(lanes: &mut Lanes<&'static str>, lane: Lane<'_>, job: &'static str) {
        let place = lanes.take(lane).expect("a free slot");
        lanes.push(place, 1, job).expect("no further slots");
    }

    fn drain(lanes: &mut Lanes<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| lanes.pop()).collect()
    }

    #[test]
    fn first_lane_comes_first_and_the_second_is_not_starved() {
        let mut lanes = Lanes::new(8);
        add(&mut lanes, Lane::Second, "second");
        for _ in 0..6 {
            add(&mut lanes, ALICE, "first");
        }
        assert_eq!(drain(&mut lanes), ["first", "first", "first", "first", "second", "first", "first"]);
    }

    #[test]
    fn full_second_lane_leaves_the_first_free() {
        let mut lanes = Lanes::new(2);
        add(&mut lanes, Lane::Second, "a");
        let reserved = lanes.take(Lane::Second).expect("a free slot");
        assert!(lanes.take(Lane::Second).is_none(), "a reserved slot counts before its job is there");
        add(&mut lanes, ALICE, "b");
        lanes.release(&reserved);
        add(&mut lanes, Lane::Second, "c");
        assert_eq!(drain(&mut lanes), ["b", "a", "c"]);
        assert!(lanes.has_room(Lane::Second) && lanes.by_account.is_empty(), "every slot is free again");
    }

    #[test]
    fn job_takes_the_slots_of_its_cost_and_one_of_any_cost_fits_into_an_empty_lane() {
        let mut lanes = Lanes::new(4);
        let mut push = |slots, job| {
            let place = lanes.take(Lane::Second).ok_or(HashPoolFull)?;
            lanes.push(place, slots, job)
        };
        assert!(push(3, "three").is_ok());
        assert!(push(2, "two").is_err(), "one slot is free");
        assert!(push(1, "one").is_ok(), "the rejected job made its slot free");
        assert!(push(1, "one more").is_err());
        assert_eq!(drain(&mut lanes), ["three", "one"]);
        let place = lanes.take(Lane::Second).expect("a free slot");
        assert!(lanes.push(place, 100, "a hundred").is_ok());
        assert!(!lanes.has_room(Lane::Second) && lanes.has_room(ALICE));
        assert_eq!(drain(&mut lanes), ["a hundred"]);
        assert_eq!(lanes.second.free, 4, "every slot is free again");
    }

    #[test]
    fn account_cannot_fill_the_first_lane() {
        let mut lanes = Lanes::new(100);
        for _ in 0..SLOTS_PER_ACCOUNT {
            add(&mut lanes, ALICE, "alice");
        }
        assert!(lanes.take(ALICE).is_none());
        add(&mut lanes, Lane::First(Some("bob")), "bob");
        add(&mut lanes, Lane::First(None), "a new password");
        assert_eq!(lanes.pop(), Some("alice"));
        assert!(lanes.has_room(ALICE), "the slot is free once a thread has taken the job");
    }
}
