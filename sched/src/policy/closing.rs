//! Waking while the scheduler ends: a wake and a cancellation may meet.
//!
//! From CLOSING on both take the scheduler's lock and look at the G's status. A wake that comes
//! second is remembered (`late`): whoever was taken out of a queue by a waker is going to be woken
//! by it, and waits for that (`shutdown::await_pending_wake`).

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::{G, status};
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

impl Core {
    /// Makes `g` ready while the scheduler is not open, from anywhere; true: somebody should be
    /// woken for it.
    ///
    /// # Safety
    ///
    /// As [`Core::ready`], but that shutdown may have made `g` ready before.
    #[cold]
    pub(crate) unsafe fn ready_closing<P: Platform>(&'static self, g: NonNull<G>) -> bool {
        let sched = self.sched.lock();
        // SAFETY: a G lives as long as its scheduler.
        let this = unsafe { g.as_ref() };
        if this.status.load(Ordering::Relaxed) != status::PARKED {
            // SAFETY: under the lock.
            unsafe { this.wake_pending.set(true) };
            return false;
        }
        this.status.store(status::RUNNABLE, Ordering::Relaxed);
        drop(sched);
        // SAFETY: the status said PARKED and says RUNNABLE now, under the lock: the wake is ours.
        unsafe { self.deliver::<P>(None, g, false) }
    }
}

/// A goroutine has ended after the main one left by Goexit: the last of them halts the scheduler.
#[cold]
pub(crate) fn last_one_out<P: Platform>(core: &'static Core) {
    let foreign = core.has_extras();
    if foreign {
        // Pairs with the light fence of `extra::depart`.
        heavy_fence::<P>(core.config.symmetric);
    }
    let sched = core.sched.lock();
    // Under the lock: of two that end at the same time the second sees both counts.
    let left = core.goroutines();
    drop(sched);
    if left != 0 {
        return;
    }
    if foreign {
        // As in `close`: a thread that calls back now is refused, or seen. That one is the last then.
        core.end.phase.store(phase::CLOSING, Ordering::SeqCst);
        heavy_fence::<P>(core.config.symmetric);
        if core.foreign_callbacks() != 0 {
            core.end.phase.store(phase::OPEN, Ordering::SeqCst);
            return;
        }
    }
    core.halt::<P>();
}
