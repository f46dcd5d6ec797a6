//! Making a parked G runnable.

use core::ptr::NonNull;

use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

impl Core {
    /// Makes `g` runnable, before the rest of its queue. `m` is the calling M; `None` from anywhere else.
    ///
    /// # Safety
    ///
    /// `g` must be parked and its context saved, and the caller alone must make it ready.
    #[inline(always)]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn ready<P: Platform>(
        &'static self,
        m: Option<&Within>,
        g: NonNull<G>,
    ) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { self.ready_as::<P>(m, g, true) }
    }

    /// As [`ready`](Self::ready), at the tail of the queue.
    ///
    /// # Safety
    ///
    /// As [`ready`](Self::ready).
    #[must_use = "when true, an M must be woken"]
    pub(super) unsafe fn ready_behind<P: Platform>(
        &'static self,
        m: Option<&Within>,
        g: NonNull<G>,
    ) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { self.ready_as::<P>(m, g, false) }
    }

    /// As [`ready`](Self::ready), before the rest of the queue if `next`, else behind it.
    ///
    /// # Safety
    ///
    /// As [`ready`](Self::ready).
    #[inline(always)]
    unsafe fn ready_as<P: Platform>(
        &'static self,
        m: Option<&Within>,
        g: NonNull<G>,
        next: bool,
    ) -> bool {
        // SAFETY: parked, so in no queue, and the caller's alone to wake; while the scheduler is open
        // shutdown makes nothing ready.
        unsafe {
            if self.phase() != phase::OPEN {
                return self.ready_closing::<P>(g);
            }
            self.deliver::<P>(m, g, next)
        }
    }
}
