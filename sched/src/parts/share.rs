//! How long goroutines that hand each other the P keep it, when others wait for it.
//!
//! Such a *chain* is always in `runnext`, so only the other queues' turns end its own. Those come by the count of
//! switches, and sixty switches are two microseconds for a pair that does nothing else, and milliseconds for one that
//! computes before each hop: taken by turns, the second would have a thousand times the share of the first. So a
//! chain goes on until it has had the P for about as long as the longest *stretch* that was seen lately: what lies
//! between two looks, which is the least that another chain takes. Among chains that all are quick the turns are short.
//!
//! *Rejected:* a fixed length, such as Go's 10 ms for all that inherit a time slice. Then the last of a hundred short
//! chains waits for a second.

/// What is known of the turns of a P.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// When the present turn began, nanoseconds; 0: unknown.
    since: u64,
    /// What the clock said at the last look: when the present stretch began.
    seen: u64,
    /// The longest stretch of late, and when it was seen.
    longest: u64,
    noted: u64,
}

impl Share {
    pub(crate) const NEW: Self = Self { since: 0, seen: 0, longest: 0, noted: 0 };
    /// For how many turns of the greatest length the longest stretch is remembered. When so many chains wait that a
    /// round of equal turns takes longer, the last ones have short turns, and the round ends.
    const LATELY: u64 = 8;

    /// Returns whether a chain goes on though others wait. If it does not, the turn of another one begins `now`. No
    /// turn is to last longer than `most`, nanoseconds; where that is 0, it goes by the count alone.
    pub(crate) fn goes_on(&mut self, now: u64, most: u64) -> bool {
        // A clock that stands still, or has gone back, measures nothing.
        let measures = now > self.seen;
        let long_enough = self.longest.min(most) / 4 * 3;
        let goes_on = measures && self.since != 0 && now.saturating_sub(self.since) < long_enough;
        if goes_on {
            self.stretch_ends(now, most);
        } else {
            self.turn_ends(now, most);
        }
        goes_on
    }

    /// The turn of a chain ends, and another one begins, `now`.
    pub(crate) fn turn_ends(&mut self, now: u64, most: u64) {
        self.stretch_ends(now, most);
        self.since = now;
    }

    fn stretch_ends(&mut self, now: u64, most: u64) {
        let stretch = if self.since == 0 { 0 } else { now.saturating_sub(self.seen) };
        let is_old = now.saturating_sub(self.noted) > most.saturating_mul(Self::LATELY);
        if stretch >= self.longest || is_old || now < self.noted {
            (self.longest, self.noted) = (stretch, now);
        }
        self.seen = now;
    }

    /// What runs now is no chain, or nothing waits: the next turn begins when that changes.
    pub(crate) fn forget_turn(&mut self) {
        self.since = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    const MOST: u64 = 10_000_000;

    /// Runs chains by turns, each of which takes so many nanoseconds between two looks, until the clock says `end`.
    /// Returns how long each has had, and the longest time that one has waited.
    fn run<const N: usize>(chains: [u64; N], end: u64) -> ([u64; N], u64) {
        let (mut had, mut since) = ([0; N], [0; N]);
        let (mut share, mut now, mut at, mut worst) = (Share::NEW, 1, 0, 0);
        while now < end {
            now += chains[at];
            had[at] += chains[at];
            if !share.goes_on(now, MOST) {
                since[at] = now;
                at = (at + 1) % N;
                worst = worst.max(now - since[at]);
            }
        }
        (had, worst)
    }

    #[test]
    fn l24_a_chain_that_computes_and_one_that_does_not_have_about_the_same() {
        for heavy in [10_000, 100_000, 2_400_000, 9_000_000] {
            let (had, _) = run([heavy, 2_000], 2_000_000_000);
            let ratio = had[0] as f64 / had[1] as f64;
            assert!((0.5..=2.0).contains(&ratio), "{heavy}: {ratio}");
        }
    }

    #[test]
    fn l24_short_chains_have_short_turns() {
        let (_, worst) = run([2_000; 100], 1_000_000_000);
        assert!(worst <= 2 * 100 * 2_000, "{worst}");
    }

    #[test]
    fn l24_a_round_ends_however_many_chains_there_are() {
        let mut chains = [2_000; 1_000];
        chains[0] = 5_000_000;
        let (had, worst) = run(chains, 5_000_000_000);
        assert!(worst <= 12 * MOST, "{worst}");
        assert!(had.iter().all(|had| *had > 0));
    }

    #[test]
    fn a_long_turn_is_forgotten() {
        let mut share = Share::NEW;
        assert!(!share.goes_on(1, MOST));
        assert!(!share.goes_on(1 + MOST, MOST), "a turn of full length ends");
        assert!(share.goes_on(2 + MOST, MOST), "the next one has as much");
        let mut now = 20 * MOST;
        assert!(!share.goes_on(now, MOST));
        (0..10).for_each(|_| {
            now += 2_000;
            share.goes_on(now, MOST);
        });
        now += 20 * MOST;
        share.forget_turn();
        assert!(!share.goes_on(now, MOST), "nothing is known");
        now += 2_000;
        assert!(!share.goes_on(now, MOST), "the long one is of long ago");
    }

    #[test]
    fn a_clock_that_stands_still_jumps_or_goes_back_keeps_no_chain() {
        let mut share = Share::NEW;
        for now in [5, 5, 5, 1 << 60, 1 << 60, 7, 7, u64::MAX, u64::MAX, 0, 0] {
            // One look at most after the clock has moved, then it goes by the count.
            let _ = share.goes_on(now, MOST);
            assert!(!share.goes_on(now, MOST), "at {now}");
        }
    }

    #[test]
    fn where_turns_have_no_length_it_goes_by_the_count() {
        let mut share = Share::NEW;
        assert!((1..1_000).all(|i| !share.goes_on(i * 1_000_000, 0)));
    }
}
