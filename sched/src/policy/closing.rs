//! Waking while the scheduler ends: a wake and a cancellation may meet.
//!
//! From CLOSING on both take the scheduler's lock and look at the G's status. A wake that comes
//! second is remembered (`wake_pending`): a goroutine that a waker has taken out of a queue is going to be
//! woken by it, and waits for that (`wait::cancellable`).

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::{G, status};
use crate::objects::shared::Core;
use crate::platform::Platform;

impl Core {
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
