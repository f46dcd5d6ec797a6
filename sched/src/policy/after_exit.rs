//! What runs after a goroutine that ends.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::lockedm::is_locked;
use super::queue_order::pick;
use crate::objects::g::{G, status};
use crate::objects::inside::Within;
use crate::objects::waiter::Waiter;
use crate::parts::phase;

/// Returns the G to switch to after `g`, which ends on `m`; `None`: the scheduler decides, on g0.
///
/// A joiner that waits and may run here goes first, RUNNABLE from now on: no queue is touched.
///
/// # Safety
///
/// `g` must be the goroutine of `m`, on its stack for the last time.
#[inline(always)]
pub(crate) unsafe fn after_exit(m: &Within, g: NonNull<G>) -> Option<NonNull<G>> {
    if is_locked(g) || m.p().count() || m.core().phase() != phase::OPEN {
        return None;
    }
    // SAFETY: `g` runs. Its joiner waits until it is woken, so the waiter lives, and the goroutine too.
    unsafe {
        let joiner =
            ptr::with_exposed_provenance::<Waiter>(g.as_ref().join.load(Ordering::Acquire) & !3);
        match joiner.as_ref().and_then(Waiter::goroutine) {
            Some(next) if runs_here(m, next) => {
                next.as_ref().status.set(status::RUNNABLE);
                Some(next)
            }
            _ => pick(m),
        }
    }
}

/// Returns whether `g`, parked, may be switched to on `m`, past all queues.
///
/// # Safety
///
/// `g` must wait for the caller alone.
unsafe fn runs_here(m: &Within, g: NonNull<G>) -> bool {
    // SAFETY: `g` waits for the caller, so its fields stand still; `reserved` is the calling M's.
    unsafe {
        let bound = g.as_ref().bound.get();
        (bound.is_null() || ptr::eq(bound, m.m())) && m.lock.reserved.get().is_null()
    }
}
