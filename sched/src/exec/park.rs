//! Parking.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use super::cancel::take_cancel;
use super::inside::Inside;
use super::post_switch::Tag;
use super::segments::leave_kept;
use super::switch::{mcall, switch_to};
use crate::objects::g::G;
use crate::parts::exiting::Exiting;
use crate::parts::phase;
use crate::platform::Platform;
use crate::policy::lockedm::{lock_internal, unlock_internal};
use crate::policy::queue_order::pick;

/// Parks the running goroutine. `publish` runs once its context is saved, and lets wakers find it; when it
/// returns false the goroutine is runnable at once. Returns the stay on which it goes on, and whether the end
/// of the run has woken it: then the wait must be withdrawn, or the wake that is under way awaited
/// (`wait::cancellable` does that).
///
/// `publish` runs on another goroutine's stack or on g0, under the rules of the post-switch step
/// ([`Unlock`](crate::Unlock)). It is moved out of the parked stack first, and must read what it needs out of
/// that stack before it lets the first waker find the goroutine, for then the goroutine may run.
///
/// # Safety
///
/// When `publish` returns true, the goroutine must be made ready exactly once after it. If `publish` releases
/// a lock, that must be a spin lock which the caller holds.
#[inline(always)]
pub(crate) unsafe fn park<P: Platform, F: FnOnce() -> bool>(
    inside: Inside,
    publish: F,
) -> (Inside, bool) {
    /// # Safety
    ///
    /// `arg` must point to the closure, which is neither called nor dropped otherwise.
    unsafe fn run<F: FnOnce() -> bool>(arg: *mut u8, _g: NonNull<G>) -> bool {
        // SAFETY: the closure is there and called once, as the caller ensures. It is moved out
        // first.
        unsafe { arg.cast::<F>().read()() }
    }
    let mut publish = ManuallyDrop::new(publish);
    // SAFETY: `publish` lies on this stack until it has run; the tag says that the goroutine parks; what
    // `pick` returns may run here.
    let inside = unsafe {
        inside.g().unlock.set(Some(run::<F>));
        inside.g().unlock_arg.set((&raw mut publish).cast());
        let p = inside.p();
        p.counts.parks.add(1);
        // Where stacks are measured, and on a reserved M or with segments, the second look says whether it is slow.
        let slow = p.count()
            || inside.lock.reserved.get().addr() | inside.g().stacks.any() != 0
                && (!inside.lock.reserved.get().is_null() || inside.g().stacks.is_segmented());
        if P::Unwind::panicking() {
            mcall_unwinding::<P>(inside, Tag::Park)
        } else if !slow && let Some(next) = pick(&inside) {
            switch_to::<P>(inside, next, Tag::Park)
        } else {
            if inside.g().stacks.is_segmented() {
                leave_kept(&inside, inside.goroutine());
            }
            mcall::<P>(inside, Tag::Park)
        }
    };
    let cancelled = inside.core().phase() != phase::OPEN && take_cancel(&inside, inside.g());
    (inside, cancelled)
}

/// The end of a scheduling point, outside: a Goexit that something has swallowed is thrown again. `g` must
/// be the running goroutine.
#[inline(always)]
pub(crate) fn go_on<P: Platform>(g: NonNull<G>) {
    #[cold]
    fn exiting<P: Platform>(g: NonNull<G>) {
        // SAFETY: the running goroutine's own field.
        if unsafe { g.as_ref().holding.get() } == 0 && !P::Unwind::panicking() {
            // SAFETY: the running goroutine exits, outside.
            unsafe { P::throw_goexit() };
        }
    }
    // SAFETY: the running goroutine's own field.
    if unsafe { g.as_ref().exiting.get() } != Exiting::No {
        exiting::<P>(g);
    }
}

/// As [`mcall`], for a goroutine that unwinds, which the end of the run must leave alone. Such a goroutine keeps its
/// thread for itself, for the panic count is the thread's.
///
/// # Safety
///
/// As [`mcall`].
#[cold]
#[inline(never)]
pub(super) unsafe fn mcall_unwinding<P: Platform>(inside: Inside, tag: Tag) -> Inside {
    let g = inside.goroutine();
    let core = inside.core();
    // Relaxed, both: a number and nothing else. The end of the run asks for it.
    core.end.unwinding.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the running goroutine and its M; internal lock and unlock are paired here.
    let inside = unsafe {
        lock_internal(inside.m(), g);
        g.as_ref().bar();
        // Of all that have locked the thread it is the one that runs there meanwhile.
        inside.lock.reserved.set(g.as_ptr());
        let inside = mcall::<P>(inside, tag);
        g.as_ref().unbar();
        unlock_internal::<P>(inside.m(), g);
        inside
    };
    core.end.unwinding.fetch_sub(1, Ordering::Relaxed);
    inside
}
