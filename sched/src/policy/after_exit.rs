//! What runs after a goroutine that ends.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::lockedm::leave_lockers;
use super::queue_order::pick;
use crate::objects::g::{G, status};
use crate::objects::inside::Within;
use crate::objects::join_word::own_joiner;
use crate::objects::m::M;
use crate::parts::locks::Locks;
use crate::parts::phase;

/// Returns the G to switch to after `g`, which ends on `m`; `None`: the scheduler decides, on g0.
///
/// A joiner that waits and may run here goes first, RUNNABLE from now on: no queue is touched. On an M that
/// other goroutines have locked only the scheduler knows what may run (L2). Where stacks are measured `measure` does it.
///
/// # Safety
///
/// `g` must be the goroutine of `m`, on its stack for the last time.
#[inline(always)]
pub(crate) unsafe fn after_exit(
    m: &Within,
    g: NonNull<G>,
    measure: unsafe fn(&'static M, NonNull<G>),
) -> Option<NonNull<G>> {
    // SAFETY: the calling M's, and the goroutine's own. One that may have segments gives them up on the way over g0.
    if unsafe { m.lock.reserved.get().addr() | g.as_ref().stacks.any() } != 0 {
        // SAFETY: `g` ends.
        return unsafe { leave_locked(m, g, measure) };
    }
    // SAFETY: as the caller ensures.
    unsafe { follow(m, g) }
}

/// As [`after_exit`], of a goroutine that leaves nothing to be done before.
///
/// # Safety
///
/// As there.
#[inline(always)]
unsafe fn follow(m: &Within, g: NonNull<G>) -> Option<NonNull<G>> {
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

/// As [`after_exit`], where something is to be done before. The lockers of `m`, which `g` or others may be, are rid of
/// `g` before another thread may use that anew. A goroutine that is measured and no more is followed as any other, so
/// that the next stack bears what it bears elsewhere.
///
/// # Safety
///
/// As [`after_exit`].
#[cold]
#[inline(never)]
unsafe fn leave_locked(
    m: &Within,
    g: NonNull<G>,
    measure: unsafe fn(&'static M, NonNull<G>),
) -> Option<NonNull<G>> {
    // SAFETY: the goroutine that runs here; if it is locked, to this M.
    unsafe {
        if g.as_ref().stacks.is_measured() {
            measure(m.m(), g);
        }
        let decides = !m.lock.reserved.get().is_null() || g.as_ref().stacks.is_segmented();
        if g.as_ref().locks.get() != Locks::NONE {
            leave_lockers(m.m(), g);
        }
        if decides { None } else { follow(m, g) }
    }
}
