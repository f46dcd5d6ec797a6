//! Waiting on one's feet before sleeping: the hand-off between a locked goroutine's thread and the
//! others.
//!
//! A sleeping thread takes microseconds to wake, and as much from whoever wakes it; a thread that
//! still looks takes a cache miss. So an M that waits for its one goroutine, or for the P that was
//! taken by it, looks for up to [`LONGEST`] first. Only where a CPU would otherwise be idle: more
//! of them than Ms that run, these included. A wait in vain halves the M's next one, a good one
//! doubles it. Two that wait for each other and have both come to look for too short a time would
//! sleep each time, and so never learn that a longer look would do: so one wait in [`TRIAL`] is as long
//! as can be.

use g0_arch::sync::Backoff;
use g0_arch::sync::atomic::Ordering;

use super::{Core, phase};
use crate::m::M;
use crate::p::Proc;
use crate::plain::Plain;
use crate::platform::Platform;

/// The longest look, nanoseconds.
pub(crate) const LONGEST: u32 = 20_000;
/// The shortest.
const SHORTEST: u32 = LONGEST >> 4;
/// Of so many waits in vain one after the other the last is long.
const TRIAL: u32 = 32;
/// Rounds at most: a clock may stand still.
const ROUNDS: u32 = 10_000;

/// How long an M looks. One for each thing it looks for: what comes at once when it has nothing to
/// give would else make up for what never comes while it keeps its P, as where both threads share a
/// CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    length: u32,
    /// Waits in vain since the last that was not.
    vain: u32,
}

impl Patience {
    pub(crate) const FULL: Self = Self { length: LONGEST, vain: 0 };

    /// How long the next wait is.
    fn now(self) -> u64 {
        u64::from(if self.vain == TRIAL - 1 { LONGEST } else { self.length })
    }

    /// After a wait.
    fn after(self, good: bool) -> Self {
        let Self { length, vain } = self;
        match good {
            true if vain == TRIAL - 1 => Self::FULL,
            true => Self { length: (length * 2).min(LONGEST), vain: 0 },
            false => Self { length: (length / 2).max(SHORTEST), vain: (vain + 1) % TRIAL },
        }
    }
}

impl Core {
    /// `m`, whose goroutine is elsewhere, looks for it with the P still at hand: true when something
    /// has come for this M, by mail or by a timer. False when others need the P, or it has looked for
    /// long enough.
    pub(super) fn linger_with_p<P: Platform>(
        &'static self,
        m: &'static M,
        p: &'static Proc,
    ) -> bool {
        let others = || {
            self.in_line.load(Ordering::Relaxed) != 0
                || self.queued.load(Ordering::Relaxed) != 0
                || (self.spinning.load(Ordering::Relaxed) == 0
                    && self.config.procs.iter().any(|p| !p.runq.is_empty()))
        };
        let mut come = false;
        self.linger::<P>(&m.patience_with_p, || {
            // A goroutine bound here comes into the local list at once.
            come = self.serve_timers::<P>(Some(m), p) || m.inbox.has_mail();
            come || others() || self.phase() == phase::HALTED
        });
        come
    }

    /// `m`, at rest and told to wait, looks for the P that it may be given. A hint: whether it was is
    /// in `nextp`.
    pub(crate) fn linger_for_p<P: Platform>(&self, m: &'static M) {
        self.lingering.fetch_add(1, Ordering::Relaxed);
        self.linger::<P>(&m.patience, || {
            !m.nextp.load(Ordering::Relaxed).is_null()
                || m.inbox.has_mail()
                || self.phase() == phase::HALTED
        });
        self.lingering.fetch_sub(1, Ordering::Relaxed);
    }

    /// Looks until `done`, in bounds. `patience` is the calling thread's.
    fn linger<P: Platform>(&self, patience: &Plain<Patience>, mut done: impl FnMut() -> bool) {
        let running = self
            .live_ps
            .load(Ordering::Relaxed)
            .saturating_sub(self.idle_ps.load(Ordering::Relaxed))
            + self.lingering.load(Ordering::Relaxed)
            + self.evicted.load(Ordering::Relaxed);
        if P::cpus() < 2 || running > P::cpus() {
            return;
        }
        // SAFETY: our thread's.
        let before = unsafe { patience.get() };
        let start = P::now();
        let backoff = Backoff::new();
        let mut good = false;
        for _ in 0..ROUNDS {
            good = done();
            if good || P::now().saturating_sub(start) >= before.now() {
                break;
            }
            backoff.spin();
            backoff.reset();
        }
        // SAFETY: as above.
        unsafe { patience.set(before.after(good)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_in_vain_grow_shorter_and_a_good_one_makes_up_for_one() {
        let mut patience = Patience::FULL;
        for _ in 0..8 {
            patience = patience.after(false);
        }
        assert_eq!(patience.now(), u64::from(SHORTEST));
        assert_eq!(patience.after(true).now(), 2 * u64::from(SHORTEST));
        assert_eq!(Patience::FULL.after(true).now(), u64::from(LONGEST));
    }

    #[test]
    fn after_many_waits_in_vain_one_is_long_and_if_it_is_good_so_is_the_next() {
        let mut patience = Patience::FULL;
        for _ in 0..TRIAL - 1 {
            patience = patience.after(false);
        }
        assert_eq!(patience.now(), u64::from(LONGEST));
        assert_eq!(patience.after(true).now(), u64::from(LONGEST));
        assert_eq!(patience.after(false).now(), u64::from(SHORTEST));
    }
}
