//! Waking while the scheduler ends: a wake and a cancellation may meet.
//!
//! From CLOSING on both take the scheduler's lock and look at the G's status. A wake that comes
//! second is remembered (`wake_pending`): a goroutine that a waker has taken out of a queue is going to be
//! woken by it, and waits for that (`wait::cancellable`).

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::{G, status};
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::phase::{self, main_left};
use crate::platform::Platform;

impl Core {
    /// Returns whether the end of the run has begun that is conducted: main has returned, and what is left can be
    /// unwound. Where nothing unwinds main's M ends the run; where main has left by Goexit, the last goroutine's.
    pub(crate) fn is_conducted<P: Platform>(&self) -> bool {
        // Acquire: main's result, and how it has left, which is written before.
        P::UNWINDS
            && self.end.phase.load(Ordering::Acquire) == phase::CLOSING
            && self.end.main_left.load(Ordering::Relaxed) == main_left::RETURNED
    }

    /// Returns whether `m`, the calling M, conducts the end of the run, and that has begun.
    pub(crate) fn conducts<P: Platform>(&self, m: &M) -> bool {
        // Relaxed: the calling thread's own, and written before it ran anything.
        ptr::eq(self.end.conductor.load(Ordering::Relaxed), m) && self.is_conducted::<P>()
    }

    /// Returns whether `m`, the calling M, must look at the end of the run, which has begun, before it does anything
    /// else.
    #[cold]
    pub(crate) fn must_look<P: Platform>(&self, m: &M) -> bool {
        if !self.conducts::<P>(m) {
            return false;
        }
        // SAFETY: the conductor's, which is the calling thread.
        unsafe {
            let mut conducting = self.end.conducting.get();
            // Every other time at most, for a clock that stands still is always due.
            conducting.came_by = !conducting.came_by && conducting.is_due(P::now());
            self.end.conducting.set(conducting);
            conducting.came_by
        }
    }

    /// Makes `g` ready while the scheduler is not open, from anywhere.
    ///
    /// # Safety
    ///
    /// As [`Core::ready`], but that shutdown may have made `g` ready before.
    #[cold]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn ready_closing<P: Platform>(&'static self, g: NonNull<G>) -> bool {
        let sched = self.sched.lock();
        // SAFETY: a G lives as long as its scheduler.
        let this = unsafe { g.as_ref() };
        if this.status.load(Ordering::Relaxed) != status::PARKED {
            // SAFETY: under the lock.
            unsafe { this.wake_pending.set(true) };
            return false;
        }
        this.status.set(status::RUNNABLE);
        drop(sched);
        // SAFETY: the status said PARKED and says RUNNABLE now, under the lock: the wake is the caller's.
        unsafe { self.deliver::<P>(None, g, false) }
    }
}
