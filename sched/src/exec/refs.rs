//! The life of a G's memory beyond its goroutine: handles that keep it, and its way back to the free
//! stacks.

use core::ptr::NonNull;

use g0_arch::sync::atomic::{Ordering, fence};
use g0_stack::{Cache, Stack};

use crate::objects::g::{G, scheduler_of};
use crate::objects::inside::Within;
use crate::objects::shared::Core;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// A mark in `refs`: the goroutine has ended, and its last handle frees it.
pub(super) const ZOMBIE: u32 = 1 << 31;

/// Puts `g` back on the P's free list, unless a counted handle keeps it.
///
/// # Safety
///
/// `g` must have ended, nothing on its stack may be live, and its join handle must be the caller's or gone.
#[inline(always)]
pub(crate) unsafe fn free(within: &Within, g: NonNull<G>) {
    // SAFETY: the G has ended, and after the look at its handles it is the caller's alone.
    unsafe {
        if is_referred_to(g) {
            return;
        }
        g.as_ref().fiber.retire();
        let stack = Stack::from_raw(G::header(g));
        let core = within.core();
        within.p().free.with_mut(|free| {
            core.depot.free_or(&mut *free, stack, |stack| free_other(core, stack));
        });
    }
}

/// Gives a stack of another class than the Ps keep back to its depot.
#[cold]
#[inline(never)]
fn free_other(core: &'static Core, stack: Stack) {
    let class = stack.class();
    let Some(depot) = core.depot_of(class) else {
        unreachable!("g0: a stack of a class that its scheduler does not have")
    };
    let mut cache = Cache::new(class);
    // SAFETY: it is the caller's, unused, and of this depot, which is the scheduler's only one of the class.
    unsafe {
        depot.free(&mut cache, stack);
        depot.drain(&mut cache);
    }
}

/// Returns whether a counted handle keeps the ended goroutine `g`: then that handle will free it.
///
/// # Safety
///
/// `g` must have ended and not been freed.
unsafe fn is_referred_to(g: NonNull<G>) -> bool {
    // SAFETY: it has not been freed.
    let refs = unsafe { &g.as_ref().refs };
    // Acquire: what the holders did is over.
    if refs.load(Ordering::Acquire) == 0 {
        return false;
    }
    let referred = refs.fetch_or(ZOMBIE, Ordering::AcqRel) != 0;
    if !referred {
        // The last one went in between: the mark is not for the G's next goroutine.
        refs.store(0, Ordering::Relaxed);
    }
    referred
}

/// Counts one more handle: a `Goroutine`, a waker.
///
/// # Safety
///
/// `g` must be alive, or another counted handle must keep it.
pub(crate) unsafe fn refer<P: Platform>(g: NonNull<G>) {
    /// Far below the mark, and more than memory holds unless handles are leaked on purpose.
    const MOST: u32 = ZOMBIE / 2;
    // SAFETY: the G is kept. Relaxed: as for any reference count.
    if unsafe { g.as_ref().refs.fetch_add(1, Ordering::Relaxed) } & !ZOMBIE >= MOST {
        fatal::<P>(Some(g), "too many handles and wakers of one goroutine: they are leaked");
    }
}

/// As [`free`], on a thread that has no cache of the G's scheduler: into the depot.
///
/// The G that is freed may be the last thing for which the scheduler's owner waits:
///
/// ```text
///   this thread                       the owner, all Ms having ended
///   external_refs += 1 (`as_guest`)   look whether a G is held
///   fence                             fence
///   free the G, use the depot         look at external_refs
///   external_refs -= 1
/// ```
///
/// The owner sees the G held, or the external reference; or both are gone, and it is alone.
///
/// # Safety
///
/// As [`free`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn free_without_p(g: NonNull<G>) {
    // SAFETY: the G has ended, and after the look at its handles it is the caller's alone.
    unsafe {
        let core = scheduler_of(g);
        if is_referred_to(g) {
            return;
        }
        core.end.as_guest(|| {
            fence(Ordering::SeqCst);
            g.as_ref().fiber.retire();
            free_other(core, Stack::from_raw(G::header(g)));
        });
    }
}
