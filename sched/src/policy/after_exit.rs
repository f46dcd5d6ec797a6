//! What runs after a goroutine that ends.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::lockedm::leave_lockers;
use super::queue_order::pick;
use crate::objects::g::{G, status};
use crate::objects::inside::Within;
use crate::objects::join_word::own_joiner;
use crate::parts::locks::Locks;
use crate::parts::phase;

/// Returns the G to switch to after `g`, which ends on `m`; `None`: the scheduler decides, on g0.
///
/// A joiner that waits and may run here goes first, RUNNABLE from now on: no queue is touched. On an M that
/// other goroutines have locked only the scheduler knows what may run (L2). Where stacks are measured that is done by
/// `measure`, and all else is as it is elsewhere.
///
/// # Safety
///
/// `g` must be the goroutine of `m`, on its stack for the last time.
#[inline(always)]
pub(crate) unsafe fn after_exit(
    m: &Within,
    g: NonNull<G>,
    measure: impl FnOnce(),
) -> Option<NonNull<G>> {
    // SAFETY: the calling M's, and the goroutine's own. One that may have segments gives them up on the way over g0.
    if unsafe { m.lock.reserved.get().addr() | g.as_ref().stacks.any() } != 0 {
        // SAFETY: the goroutine's own.
        if unsafe { g.as_ref().stacks.is_measured() } {
            measure();
        }
        // SAFETY: `g` ends.
        if unsafe { leave_locked(m, g) } {
            return None;
        }
    }
    if m.p().count() || m.core().phase() != phase::OPEN {
        return None;
    }
    // SAFETY: `g` runs. A joiner of its own scheduler waits until it is woken, so the waiter lives, and the
    // goroutine too, whose fields stand still; it is not a thread's.
    unsafe {
        if let Some(waiter) = own_joiner(g.as_ref().join.load(Ordering::Acquire)) {
            let next = NonNull::new_unchecked((*waiter).g);
            let bound = next.as_ref().bound.get();
            if bound.is_null() || ptr::eq(bound, m.m()) {
                next.as_ref().status.set(status::RUNNABLE);
                return Some(next);
            }
        }
    }
    pick(m)
}

/// The lockers of `m`, which `g` or others may be, are rid of `g` before another thread may use that anew. Returns
/// whether the scheduler decides what runs next, on g0.
///
/// # Safety
///
/// As [`after_exit`].
#[cold]
unsafe fn leave_locked(m: &Within, g: NonNull<G>) -> bool {
    // SAFETY: the goroutine that runs here; if it is locked, to this M.
    unsafe {
        let is_left = !m.lock.reserved.get().is_null() || g.as_ref().stacks.is_segmented();
        if g.as_ref().locks.get() != Locks::NONE {
            leave_lockers(m.m(), g);
        }
        is_left
    }
}
