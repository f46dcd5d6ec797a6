//! One wait for something, of a goroutine or of a thread that is no M.
//!
//! ```text
//!   the side that waits                      the side that ends the wait
//!   publish, once the context is saved ───▶  take the waiter out of a queue or the wheel
//!                                            claim the wait (a compare-and-swap, if contested)
//!   ◀─────────────────────────────────────   wake
//!   withdraw from where it still stands
//! ```
//!
//! A wait for one thing without a deadline is not *contested*: the waker that takes the waiter out
//! of its queue, under the lock of that, ends the wait. With a deadline, or with several things waited
//! for, two wakers may find it in different places: the first to put its token into `claimed` ends the
//! wait, any other leaves it alone.
//!
//! > **L22** A wait ends once, by a wake, by its deadline or by shutdown: by the one that claims it. No
//! > wake is lost.

use core::cell::Cell;
use core::ptr::NonNull;

use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::g::G;
use super::scope_state::{ScopeState, WAITING};
use super::shared::Core;
use crate::parts::parker::Parker;
use crate::parts::{phase, stat_atomic};

/// The wait has not been ended.
pub(crate) const OPEN: usize = 0;

/// The deadline has.
pub(crate) const TIMED_OUT: usize = 1;

/// Shutdown has. Other tokens are addresses.
pub(crate) const CANCELLED: usize = 2;

/// Whether a run has left goroutines behind, which may wait where wakers of other runs find them.
static SOME_ARE_LEFT: stat_atomic::AtomicBool = stat_atomic::AtomicBool::new(false);

/// A run leaves goroutines behind. Before it halts.
pub(crate) fn some_are_left_behind() {
    // Relaxed: a waker that does not see it yet is one that came before the halt.
    SOME_ARE_LEFT.store(true, stat_atomic::Ordering::Relaxed);
}

/// Lives on the waiting stack, for the length of the wait; the waker has taken it out of the queue
/// before and does not touch it after the wake.
#[repr(align(8))] // For the marks of a join word.
pub struct Waiter {
    pub(crate) g: *mut G,
    /// Its scheduler; null for a thread.
    pub(crate) core: *const Core,
    pub(crate) contested: Cell<bool>,
    pub(crate) claimed: AtomicUsize,
    pub(crate) parker: Parker,
}

impl Waiter {
    /// Returns the waiting goroutine; none for a thread.
    #[inline(always)]
    pub(crate) fn goroutine(&self) -> Option<NonNull<G>> {
        NonNull::new(self.g)
    }

    /// Ends the wait, in the name of `token`; returns false when another waker has. The one that has
    /// ended it must wake.
    #[inline(always)]
    pub(crate) fn claim(&self, token: usize) -> bool {
        // AcqRel: what the winner has done is visible to a thread that reads the token.
        let claimed = !self.contested.get()
            || self
                .claimed
                .compare_exchange(OPEN, token, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        claimed && !(SOME_ARE_LEFT.load(stat_atomic::Ordering::Relaxed) && self.is_left_behind())
    }

    /// Returns whether its goroutine will never go on: then no waker may give it anything, be it a value (L20), a
    /// lock or a permit (L21).
    #[cold]
    #[inline(never)]
    fn is_left_behind(&self) -> bool {
        // SAFETY: what a run leaves behind stays, and its scheduler.
        unsafe { self.core.as_ref() }.is_some_and(|core| core.phase() == phase::HALTED)
    }

    /// Returns the token in whose name a contested wait has ended; after the wake.
    #[inline(always)]
    pub(crate) fn winner(&self) -> usize {
        self.claimed.load(Ordering::Acquire)
    }
}

impl ScopeState {
    /// Sets the waiter of the scope's owner, which is about to wait.
    ///
    /// # Safety
    ///
    /// The caller must be the owner, before it sets `WAITING`.
    pub(crate) unsafe fn set_waiter(&self, waiter: *const Waiter) {
        // SAFETY: no goroutine of the scope reads it before it finds `WAITING`.
        unsafe { self.waiter.set(waiter.cast()) };
    }

    /// Returns the waiter of the scope's owner, if that waits for one goroutine more, which must be the caller.
    pub(crate) fn waiter_of_last(&self) -> Option<*const Waiter> {
        // Acquire: pairs with the owner's publication.
        let last = self.running.load(Ordering::Acquire) == WAITING | 1;
        // SAFETY: the owner waits, and for the caller alone: so until the caller ends.
        last.then(|| unsafe { self.waiter() })
    }

    /// Returns the waiter of the scope's owner.
    ///
    /// # Safety
    ///
    /// The caller must have counted the last goroutine off and found `WAITING`.
    pub(crate) unsafe fn waiter(&self) -> *const Waiter {
        // SAFETY: written before `WAITING` was set, and not again while the owner waits.
        unsafe { self.waiter.get().cast() }
    }
}
