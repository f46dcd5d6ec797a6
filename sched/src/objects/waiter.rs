//! Whoever waits for something: a goroutine, or a thread that is no M.
//!
//! ```text
//!   who waits                                who ends the wait
//!   publish, once the context is saved ───▶  take the waiter out of a queue or the wheel
//!                                            claim the wait (a compare-and-swap, if contested)
//!   ◀─────────────────────────────────────   wake
//!   withdraw from where it still stands
//! ```
//!
//! A wait for one thing without a deadline is not *contested*: whoever takes the waiter out of its
//! queue, under the lock of that, ends the wait. With a deadline, or with several things waited for,
//! two may find it in different places: the first to put its token into `claimed` ends the wait, the
//! others leave it alone.
//!
//! > L22. A wait ends once: by one wake, by its deadline or by shutdown. Whoever ends it has claimed
//! > it, and no wake is lost.

use core::cell::Cell;
use core::ptr::NonNull;

use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::g::G;
use super::shared::Core;
use crate::parts::parker::Parker;

/// Nobody has ended the wait.
pub(crate) const OPEN: usize = 0;

/// The deadline has.
pub(crate) const TIMED_OUT: usize = 1;

/// Shutdown has. Other tokens are addresses.
pub(crate) const CANCELLED: usize = 2;

/// Lives on the waiting stack, for the length of the wait; whoever wakes it has taken it out of
/// the queue before and does not touch it after the wake.
pub struct Waiter {
    pub(crate) g: *mut G,
    pub(crate) core: *const Core,
    pub(crate) contested: Cell<bool>,
    pub(crate) claimed: AtomicUsize,
    pub(crate) parker: Parker,
}

impl Waiter {
    /// The waiting goroutine; none for a thread.
    #[inline(always)]
    pub(crate) fn goroutine(&self) -> Option<NonNull<G>> {
        NonNull::new(self.g)
    }

    /// Ends the wait, in the name of `token`; false when somebody else has. Whoever has it owes
    /// the wake.
    #[inline(always)]
    pub(crate) fn claim(&self, token: usize) -> bool {
        // AcqRel: what the winner has done is visible to whoever reads the token.
        !self.contested.get()
            || self
                .claimed
                .compare_exchange(OPEN, token, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }

    /// Who has ended a contested wait; after the wake.
    #[inline(always)]
    pub(crate) fn winner(&self) -> usize {
        self.claimed.load(Ordering::Acquire)
    }
}
