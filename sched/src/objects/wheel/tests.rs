//! The wheel against a list of deadlines.

extern crate std;

use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec::Vec;

use super::*;
use crate::objects::g::G;

const TICK: u64 = 1 << SHIFT;

/// Repeatable numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Returns a length of any magnitude up to `1 << bits`.
    fn length(&mut self, bits: u64) -> u64 {
        let magnitude = self.below(bits) + 1;
        self.next() % (1 << magnitude)
    }
}

/// The wheel, the clock, and the list to compare with: which timers are in, with which deadline.
struct Checked {
    wheel: Wheel<G>,
    now: u64,
    next: usize,
    timers: BTreeMap<usize, Box<Timer<G>>>,
    fired: usize,
}

unsafe fn agree(_: *const ()) -> bool {
    true
}

unsafe fn refuse(_: *const ()) -> bool {
    false
}

impl Checked {
    fn at(now: u64) -> Self {
        let mut this =
            Self { wheel: Wheel::new(), now: 0, next: 1, timers: BTreeMap::new(), fired: 0 };
        this.advance_to(now, usize::MAX);
        this
    }

    fn insert(&mut self, at: u64) -> usize {
        let id = self.next;
        self.next += 1;
        // Not an address: the wheel only hands it on.
        let g = NonNull::new(ptr::without_provenance_mut(id << 4)).expect("not null");
        let timer = Box::new(Timer::new(at, g, agree, ptr::null()));
        // SAFETY: boxed, and kept until it has fired or is removed.
        unsafe { self.wheel.insert(&raw const *timer) };
        self.timers.insert(id, timer);
        id
    }

    fn remove(&mut self, id: usize) {
        let timer = self.timers.remove(&id).expect("it is in");
        // SAFETY: it was put in, and lives.
        unsafe {
            assert!(self.wheel.remove(&raw const *timer), "timer {id} has not fired");
            assert!(!self.wheel.remove(&raw const *timer), "it is out");
        }
    }

    /// Fires once, with room for `room`; returns true when there may be more.
    fn fire(&mut self, room: usize) -> bool {
        let mut out = Vec::new();
        let more = self.wheel.fire(self.now, |g| {
            out.push(g.as_ptr().addr() >> 4);
            out.len() < room
        });
        for id in out {
            let timer = self.timers.remove(&id).expect("fired once, and not after its removal");
            assert!(timer.at <= self.now, "timer {id} is {} ns early", timer.at - self.now);
            // SAFETY: it was put in, and lives.
            assert!(!unsafe { self.wheel.remove(&raw const *timer) }, "it has fired");
            self.fired += 1;
        }
        more
    }

    /// Lets the clock show `now` and fires all that it fires.
    fn advance_to(&mut self, now: u64, room: usize) {
        self.now = now;
        let mut calls = 0;
        while self.fire(room) {
            calls += 1;
            assert!(calls < 100_000, "there is always more");
        }
        let first = self.first();
        assert!(first >> SHIFT >= now >> SHIFT, "late by more than a tick: {first} at {now}");
        self.check_due();
    }

    fn first(&self) -> u64 {
        self.timers.values().map(|timer| timer.at).min().unwrap_or(u64::MAX)
    }

    /// Checks that a look at the time that the wheel says comes in time, within a tick.
    fn check_due(&self) {
        let (due, first) = (self.wheel.due(), self.first());
        assert!(due <= first.saturating_add(TICK), "due at {due}, the first is at {first}");
        assert_eq!(due == u64::MAX, first == u64::MAX, "due at {due}, the first is at {first}");
        let occupied = self.wheel.occupied.iter().any(|slots| *slots != 0);
        assert_eq!(occupied, !self.timers.is_empty(), "what is left in the slots");
    }

    /// As `check_due`, for what a `fire` in between would have brought up to date: the thread that
    /// arms a timer looks at the deadline itself.
    fn check_soon(&self) {
        let (due, first) = (self.wheel.due(), self.first());
        assert!(due <= first.max(self.now).saturating_add(TICK), "due at {due}, first at {first}");
    }

    /// Looks whenever the wheel asks for it, until it is empty; at most so many times.
    fn run_dry(&mut self, looks: usize) {
        for _ in 0..looks {
            let due = self.wheel.due();
            if due == u64::MAX {
                assert!(self.timers.is_empty());
                return;
            }
            self.advance_to(due.max(self.now), usize::MAX);
        }
        panic!("after {looks} looks {} timers are left", self.timers.len());
    }
}

#[test]
fn no_timer_is_early_or_lost_or_fires_twice_or_late_by_more_than_a_tick() {
    for seed in 1..=60u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut checked = Checked::at(random.length(56));
        // Lengths of 2²⁰ ns are a level; 2⁵⁰ ns and more are beyond the top one.
        let bits = [12, 20, 26, 34, 40, 46, 54][seed as usize % 7];
        let crowd = random.below(300) as usize;
        for _ in 0..3000 {
            match random.below(10) {
                0..4 if checked.timers.len() <= crowd => {
                    let at = checked.now.saturating_add(random.length(bits));
                    checked.insert(at);
                    checked.check_soon();
                }
                0..6 => {
                    let n = checked.timers.len() as u64;
                    if n != 0 {
                        let at = random.below(n) as usize;
                        let id = *checked.timers.keys().nth(at).expect("one of them");
                        checked.remove(id);
                    }
                }
                6..9 => {
                    let room = 1 + random.below(40) as usize;
                    let to = checked.now.saturating_add(random.length(bits));
                    checked.advance_to(to, room);
                }
                _ if checked.timers.is_empty() => {}
                _ => checked.advance_to(checked.wheel.due().max(checked.now), usize::MAX),
            }
        }
        checked.run_dry(100_000);
    }
}

#[test]
fn a_later_timer_of_a_higher_level_does_not_hide_an_earlier_one() {
    // The slot of the first begins before the slots of the rest and holds a later deadline.
    let mut checked = Checked::at(0);
    checked.insert(8000 * TICK);
    checked.advance_to(4000 * TICK, usize::MAX);
    checked.insert(4050 * TICK);
    checked.insert(4200 * TICK);
    checked.advance_to(4050 * TICK, usize::MAX);
    assert_eq!(checked.wheel.due(), 4200 * TICK);
    checked.run_dry(10);
}

#[test]
fn what_lies_beyond_the_top_level_comes_when_it_is_due() {
    let top = TICK << (BITS * LEVELS as u32);
    let mut checked = Checked::at(5);
    for at in [top - 1, top, top + 1, 3 * top, 3 * top + 7, 50 * top, u64::MAX - 1, u64::MAX] {
        checked.insert(at);
    }
    let far = checked.insert(20 * top);
    checked.advance_to(top / 2, usize::MAX);
    assert_eq!(checked.fired, 0);
    // Put in later and due earlier, into the slots that follow those of the far ones.
    checked.insert(top + top / 3);
    checked.advance_to(top + 1, usize::MAX);
    assert_eq!(checked.fired, 3);
    checked.remove(far);
    checked.advance_to(4 * top, usize::MAX);
    assert_eq!(checked.fired, 6);
    checked.advance_to(u64::MAX - 1, usize::MAX);
    assert_eq!(checked.fired, 8);
    // Never, though it is in.
    assert_eq!((checked.timers.len(), checked.wheel.due()), (1, u64::MAX));
    let last = *checked.timers.keys().next().expect("the last");
    checked.remove(last);
}

#[test]
fn a_timer_alone_in_its_slot_is_due_to_the_nanosecond() {
    let mut random = Random(77);
    for bits in [10, 18, 25, 33, 45] {
        let mut checked = Checked::at(1 << 40);
        let at = checked.now + 1 + random.length(bits);
        checked.insert(at);
        let mut looks = 0;
        while checked.fired == 0 {
            let due = checked.wheel.due();
            assert!(due <= at);
            checked.advance_to(due, usize::MAX);
            looks += 1;
        }
        assert!(checked.now == at && looks <= LEVELS, "{looks} looks");
    }
}

#[test]
fn a_crowd_fires_in_portions_and_to_the_last() {
    let mut checked = Checked::at(TICK);
    for i in 0..1000 {
        checked.insert(300 * TICK + i % 7);
        checked.insert(5000 * TICK);
    }
    checked.now = 301 * TICK;
    let mut calls = 0;
    while checked.fire(32) {
        calls += 1;
    }
    assert_eq!(checked.fired, 1000);
    assert!(calls >= 1000 / 32, "{calls} calls, of 32 each at most");
    checked.run_dry(1000);
    assert_eq!(checked.fired, 2000);
}

#[test]
fn whose_claim_is_refused_leaves_the_wheel_and_is_not_woken() {
    let mut wheel = Wheel::<G>::new();
    let timers: Vec<_> = (1..=100u64)
        .map(|i| {
            let claim: Claim = if i % 2 == 0 { agree } else { refuse };
            Timer::new(i * TICK / 8, NonNull::dangling(), claim, ptr::null())
        })
        .collect();
    // SAFETY: they stay in their places until they are out.
    timers.iter().for_each(|timer| unsafe { wheel.insert(timer) });
    let mut woken = 0;
    while wheel.fire(20 * TICK, |_| {
        woken += 1;
        true
    }) {}
    assert_eq!((woken, wheel.due()), (50, u64::MAX));
    // SAFETY: as above.
    assert!(timers.iter().all(|timer| !unsafe { wheel.remove(timer) }));
}

#[test]
fn a_clock_that_jumps_back_delays_no_deadline_that_was_set_since() {
    let mut checked = Checked::at(1 << 45);
    let before = checked.insert(checked.now + 1000 * TICK);
    checked.advance_to(checked.now + TICK, usize::MAX);
    let back = checked.now - (1 << 44);
    checked.now = back;
    assert!(!checked.fire(usize::MAX));
    for i in 1..=5 {
        checked.insert(back + i * 10 * TICK);
    }
    for i in 1..=5usize {
        let due = checked.wheel.due();
        assert_eq!(due, back + i as u64 * 10 * TICK, "in time");
        checked.now = due;
        assert!(!checked.fire(usize::MAX));
        assert_eq!(checked.fired, i);
    }
    // What was set before comes when the clock is there again.
    assert!(checked.timers.contains_key(&before));
    checked.run_dry(10);
    assert_eq!(checked.fired, 6);
}

#[test]
fn a_clock_that_jumps_about_loses_nothing() {
    for seed in 1..=20u64 {
        let mut random = Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let mut checked = Checked::at(1 << 50);
        for _ in 0..2000 {
            match random.below(3) {
                0 => drop(checked.insert(checked.now.saturating_add(random.length(44)))),
                1 => checked.now += random.length(40),
                _ => checked.now -= random.length(40),
            }
            while checked.fire(8) {}
        }
        checked.advance_to(checked.now + (1 << 51), usize::MAX);
        assert!(checked.timers.is_empty(), "{} are left", checked.timers.len());
    }
}
