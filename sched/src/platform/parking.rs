//! Parking and waking on the scheduler's own parkers: of Ms, of sysmon, of the thread that waits for the end
//! of a run, and of a thread that waits in an operation. One thread waits on each.

use super::Platform;
use crate::parts::parker::Parker;

impl Parker {
    /// As [`Platform::park`]. Must be called by the one thread that waits here, with no lock held.
    #[inline(always)]
    pub(crate) fn park<P: Platform>(&self, deadline: Option<u64>) -> bool {
        // SAFETY: a parker of the scheduler's, on which the calling thread alone waits.
        unsafe { P::park(self, deadline) }
    }

    /// As [`Platform::unpark`].
    #[inline(always)]
    pub(crate) fn unpark<P: Platform>(&self) {
        // SAFETY: a parker of the scheduler's, whose waiter parks by the same platform.
        unsafe { P::unpark(self) }
    }
}
