//! WaitReason on one's feet before sleeping: the hand-off between a locked goroutine's thread and the
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

use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::parts::adaptive_spin::AdaptiveSpin;
use crate::parts::phase;
use crate::platform::Platform;
use g0_arch::sync::OwnedCell;

/// Rounds at most: a clock may stand still.
const ROUNDS: u32 = 10_000;

impl Core {
    /// `m`, whose goroutine is elsewhere, looks for it with the P still at hand: true when something
    /// has come for this M, by mail or by a timer. False when others need the P, or it has looked for
    /// long enough.
    pub(super) fn spin_with_p<P: Platform>(&'static self, m: &'static M, p: &'static Proc) -> bool {
        let others = || {
            self.work.p_waiters.load(Ordering::Relaxed) != 0
                || self.work.queued.load(Ordering::Relaxed) != 0
                || (self.work.searching.load(Ordering::Relaxed) == 0
                    && self.config.procs.iter().any(|p| !p.runq.is_empty()))
        };
        let mut come = false;
        self.spin_until::<P>(&m.spin.with_p, || {
            // A goroutine bound here comes into the local list at once.
            come = self.serve_timers::<P>(Some(m), p) || m.inbox.has_mail();
            come || others() || self.phase() == phase::HALTED
        });
        come
    }

    /// `m`, at rest and told to wait, looks for the P that it may be given. A hint: whether it was is
    /// in `nextp`.
    pub(crate) fn spin_for_p<P: Platform>(&self, m: &'static M) {
        self.work.handoff_spinners.fetch_add(1, Ordering::Relaxed);
        self.spin_until::<P>(&m.spin.for_p, || {
            !m.nextp.load(Ordering::Relaxed).is_null()
                || m.inbox.has_mail()
                || self.phase() == phase::HALTED
        });
        self.work.handoff_spinners.fetch_sub(1, Ordering::Relaxed);
    }

    /// Looks until `done`, in bounds. `handoff_spin` is the calling thread's.
    fn spin_until<P: Platform>(
        &self,
        handoff_spin: &OwnedCell<AdaptiveSpin>,
        mut done: impl FnMut() -> bool,
    ) {
        let running = self
            .ps
            .live
            .load(Ordering::Relaxed)
            .saturating_sub(self.ps.idle.load(Ordering::Relaxed))
            + self.work.handoff_spinners.load(Ordering::Relaxed)
            + self.evict.count.load(Ordering::Relaxed);
        if P::cpus() < 2 || running > P::cpus() {
            return;
        }
        // SAFETY: our thread's.
        let before = unsafe { handoff_spin.get() };
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
        unsafe { handoff_spin.set(before.after(good)) };
    }
}
