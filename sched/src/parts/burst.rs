//! Events that come thick: the next one is about to follow, and what is dear is better left to it.

use g0_arch::sync::OwnedCell;

use super::stat_atomic::{AtomicU32, Ordering};

/// Two events at most as far apart are close, nanoseconds: what follows as soon is not worth another
/// thread's wake.
const CLOSE: u64 = 20_000;
/// After as many close ones the events are a burst.
const LONG: u32 = 4;
/// So many of a burst go by before the clock is read again.
const UNTIMED: u32 = 64;

/// What an M knows of its last events. Its own thread's, but for [`end`](Self::end).
#[derive(Debug)]
pub(crate) struct Burst {
    /// Close events in a row.
    length: AtomicU32,
    /// When the last event was that has not been compared with what came next.
    since: OwnedCell<Option<u64>>,
    /// Events that are still to go by untimed.
    untimed: OwnedCell<u32>,
}

impl Burst {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self {
                length: AtomicU32::new(0),
                since: OwnedCell::new(None),
                untimed: OwnedCell::new(0),
            }
        }
    }

    /// An event comes: returns whether it is one of a burst, so that another is about to follow.
    ///
    /// # Safety
    ///
    /// Must be called on the M's own thread.
    pub(crate) unsafe fn begins(&self, now: impl FnOnce() -> u64) -> bool {
        // SAFETY: the calling thread's.
        unsafe {
            let left = self.untimed.get();
            if left != 0 && self.goes_on() {
                self.untimed.set(left - 1);
                return true;
            }
            let now = now();
            self.follows(now);
            self.since.set(Some(now));
            let goes_on = self.goes_on();
            self.untimed.set(if goes_on { UNTIMED } else { 0 });
            goes_on
        }
    }

    /// What the last event has left to do is over.
    ///
    /// # Safety
    ///
    /// As [`begins`](Self::begins).
    pub(crate) unsafe fn is_over(&self, now: impl FnOnce() -> u64) {
        // SAFETY: the calling thread's.
        if unsafe { self.since.get() }.is_some() {
            // SAFETY: as above.
            unsafe { self.follows(now()) };
        }
    }

    /// # Safety
    ///
    /// As [`begins`](Self::begins).
    unsafe fn follows(&self, now: u64) {
        // SAFETY: the calling thread's.
        let (Some(since), untimed) = (unsafe { (self.since.replace(None), self.untimed.get()) })
        else {
            return;
        };
        // Of a burst so many have gone by since. Zero of them are left, or the burst was ended.
        let events = if self.goes_on() { UNTIMED - untimed + 1 } else { 1 };
        let close = now.saturating_sub(since) <= CLOSE * u64::from(events);
        // Relaxed: a guess.
        let length = self.length.load(Ordering::Relaxed);
        self.length.store(if close { LONG.min(length + 1) } else { 0 }, Ordering::Relaxed);
    }

    /// Returns whether there is a burst. Any thread.
    pub(crate) fn goes_on(&self) -> bool {
        // Relaxed: a guess.
        self.length.load(Ordering::Relaxed) == LONG
    }

    /// There is one.
    #[cfg(loom)]
    pub(crate) fn set(&self) {
        self.length.store(LONG, Ordering::Relaxed);
    }

    /// There is none: nothing has followed. Any thread.
    pub(crate) fn end(&self) {
        self.length.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Events at these times: how many are of a burst.
    fn bursts(burst: &Burst, times: impl IntoIterator<Item = u64>) -> usize {
        // SAFETY: the test's own.
        times.into_iter().filter(|&at| unsafe { burst.begins(|| at) }).count()
    }

    #[test]
    fn a_few_close_events_are_no_burst() {
        let burst = Burst::new();
        assert_eq!(bursts(&burst, (0..4).map(|i| i * 1_000)), 0);
        assert_eq!(bursts(&burst, (1..5).map(|i| i * 1_000_000)), 0, "far apart");
        assert_eq!(bursts(&burst, (0..100).map(|i| 10_000_000 + i * 30_000)), 0, "too far apart");
    }

    #[test]
    fn many_close_events_are_one_until_nothing_follows() {
        let burst = Burst::new();
        assert_eq!(bursts(&burst, (0..1_000).map(|i| i * 1_000)), 996);
        burst.end();
        assert!(!burst.goes_on());
        assert_eq!(bursts(&burst, [2_000_000, 4_000_000]), 0);
    }

    #[test]
    fn a_burst_that_thins_out_ends_by_the_clock() {
        let burst = Burst::new();
        bursts(&burst, (0..10).map(|i| i * 1_000));
        let thin = bursts(&burst, (1..200).map(|i| i * 1_000_000));
        assert!((1..=UNTIMED as usize).contains(&thin), "{thin}");
    }

    #[test]
    fn what_is_over_soon_makes_a_burst_however_late_the_next_begins() {
        let burst = Burst::new();
        for at in 0..4 {
            // SAFETY: the test's own.
            unsafe {
                assert!(!burst.begins(|| at * 1_000_000));
                burst.is_over(|| at * 1_000_000 + 500);
            }
        }
        assert_eq!(bursts(&burst, [9_000_000]), 1);
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_back_is_no_error() {
        let burst = Burst::new();
        assert_eq!(bursts(&burst, [7; 10]), 6);
        assert_eq!(bursts(&burst, [0, u64::MAX, 0]), 3);
    }
}
