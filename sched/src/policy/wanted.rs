//! Which Ps are wanted, and the end of one that is not (L13, L19).

use core::ptr;

use g0_arch::sync::atomic::Ordering;

use crate::objects::inside::FreeP;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;

impl Core {
    /// Returns how many Ps are wanted.
    pub(crate) fn procs(&self) -> usize {
        self.ps.wanted.load(Ordering::Relaxed)
    }

    /// Returns whether `p` is one of them.
    #[inline(always)]
    pub(super) fn is_wanted(&self, p: &Proc) -> bool {
        // By its place among the given ones.
        let first = self.config.procs.as_ptr_range().start;
        // SAFETY: both are in the slice of the configuration.
        let place = unsafe { ptr::from_ref(p).offset_from(first) };
        place.unsigned_abs() < self.procs()
    }

    /// Before the scheduler starts: says how many of the given Ps are wanted at first.
    #[cfg(feature = "std")]
    pub(crate) fn begin_with(&self, procs: usize) {
        self.ps.wanted.store(procs, Ordering::Relaxed);
    }

    /// Retires `p`, which is not wanted: what is queued there goes to the global queue.
    pub(super) fn retire(&self, sched: &mut SchedState, p: FreeP) {
        while let Some(g) = p.replace_next(None).or_else(|| p.pop()) {
            // SAFETY: `g` is in no queue: it was just popped. The global queue is under the lock.
            unsafe { sched.global.push_back(g) };
        }
        self.work.queued.store(sched.global.len(), Ordering::Relaxed);
        // SAFETY: under the lock.
        unsafe { p.into_proc().links.retired.set(true) };
        self.ps.live.fetch_sub(1, Ordering::Relaxed);
    }
}
