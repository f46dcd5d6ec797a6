//! Waiting on one's feet before sleeping: the hand-off between a locked goroutine's thread and the
//! others.
//!
//! A sleeping thread takes microseconds to wake, and as much from whoever wakes it; a thread that
//! still looks takes a cache miss. So an M that waits for its one goroutine, or for the P that was
//! taken by it, looks for up to [`LONGEST`] first. Only where a CPU would otherwise be idle: more
//! of them than Ms that run, these included. A wait in vain halves the M's next one, a good one
//! doubles it.

use g0_arch::sync::Backoff;
use g0_arch::sync::atomic::Ordering;

use super::{Core, phase};
use crate::m::M;
use crate::p::Proc;
use crate::platform::Platform;

/// The longest look, nanoseconds.
pub(crate) const LONGEST: u32 = 20_000;
/// The shortest.
const SHORTEST: u32 = LONGEST >> 4;
/// Rounds at most: a clock may stand still.
const ROUNDS: u32 = 10_000;

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
        self.linger::<P>(m, || {
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
        self.linger::<P>(m, || {
            !m.nextp.load(Ordering::Relaxed).is_null()
                || m.inbox.has_mail()
                || self.phase() == phase::HALTED
        });
        self.lingering.fetch_sub(1, Ordering::Relaxed);
    }

    /// Looks until `done`, in bounds; false when that did not come.
    fn linger<P: Platform>(&self, m: &'static M, mut done: impl FnMut() -> bool) -> bool {
        let running = self
            .live_ps
            .load(Ordering::Relaxed)
            .saturating_sub(self.idle_ps.load(Ordering::Relaxed))
            + self.lingering.load(Ordering::Relaxed)
            + self.evicted.load(Ordering::Relaxed);
        if P::cpus() < 2 || running > P::cpus() {
            return false;
        }
        // SAFETY: our thread's.
        let length = unsafe { m.patience.get() };
        let start = P::now();
        let backoff = Backoff::new();
        for _ in 0..ROUNDS {
            if done() {
                // SAFETY: as above.
                unsafe { m.patience.set((length * 2).min(LONGEST)) };
                return true;
            }
            if P::now().saturating_sub(start) >= u64::from(length) {
                break;
            }
            backoff.spin();
            backoff.reset();
        }
        // SAFETY: as above.
        unsafe { m.patience.set((length / 2).max(SHORTEST)) };
        false
    }
}
