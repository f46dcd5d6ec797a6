//! Ending a goroutine from outside, as far as that takes no wait.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use super::wake::wake_for;
use crate::objects::g::{G, scheduler_of, status};
use crate::objects::inside::Within;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::platform::Platform;

/// Returns whether C waits for `g`, in a callback, or `g` unwinds and keeps its thread. C that has no
/// call of a goroutine above it does not count: there only the callback's closure is unwound.
///
/// # Safety
///
/// Must be called by the thread of `g`; or while `g` is parked, with the scheduler's lock held.
pub(crate) unsafe fn is_held(g: NonNull<G>) -> bool {
    // SAFETY: `g` does not run elsewhere meanwhile, as the caller ensures; Ms are never freed.
    let (locks, m) = unsafe { (g.as_ref().locks.get(), g.as_ref().bound.get().as_ref()) };
    // That of an extra M, and that of its first callback.
    let outermost = if m.is_some_and(M::is_extra) { 2 } else { 0 };
    locks.internal() > outermost
}

/// Returns whether the end of the run may throw a Goexit through `g` now. Must be called by `g`
/// itself.
fn may_unwind<P: Platform>(g: NonNull<G>) -> bool {
    // SAFETY: the running goroutine's own fields.
    let (exiting, held) = unsafe { (g.as_ref().exiting.get(), is_held(g)) };
    // SAFETY: the running goroutine is alive.
    let main = unsafe { scheduler_of(g) }.end.main_g.load(Ordering::Relaxed) == g.as_ptr();
    P::UNWINDS && !main && !exiting && !held && !P::Unwind::panicking()
}

/// A goroutine that has just come out of an operation, while the scheduler is not open: it ends
/// here if it can. Must be called outside.
#[cold]
pub(crate) fn obey<P: Platform>(g: NonNull<G>) {
    if may_unwind::<P>(g) {
        unwind::<P>(g);
    }
}

/// Ends the running goroutine `g` by Goexit. Must be called outside; returns only where nothing
/// unwinds.
#[cold]
pub(crate) fn unwind<P: Platform>(g: NonNull<G>) {
    // SAFETY: the running goroutine's own field.
    unsafe { g.as_ref().exiting.set(true) };
    // SAFETY: the running goroutine exits, outside.
    unsafe { P::throw_goexit() };
}

/// Returns whether the end of the run has woken the running goroutine `g`, which has just been
/// resumed.
#[cold]
pub(crate) fn take_cancel(within: &Within, g: &G) -> bool {
    let sched = within.core().sched.lock();
    // SAFETY: the scheduler's lock is held.
    let cancelled = unsafe { g.cancelled.replace(false) };
    drop(sched);
    cancelled
}

/// Puts `g` into a queue. The caller must have turned its status from PARKED to RUNNABLE, under the
/// lock.
pub(crate) fn enqueue<P: Platform>(core: &'static Core, g: NonNull<G>) {
    // SAFETY: the status said PARKED and says RUNNABLE now, under the lock: the wake is the caller's.
    if unsafe { core.deliver::<P>(None, g, false) } {
        wake_for::<P>(core);
    }
}

/// The parking side of `Core::ready_closing`: publishes a G that has just left its stack.
///
/// # Safety
///
/// Must be called in the post-switch step, with `g` the goroutine that has parked: its context is
/// saved.
#[cold]
pub(super) unsafe fn commit_closing<P: Platform>(within: &Within, g: NonNull<G>) {
    let core = within.core();
    let sched = core.sched.lock();
    // SAFETY: under the lock no wake and no cancellation sees the G between the two steps.
    let parked = unsafe {
        g.as_ref().status.set(status::PARKED);
        match g.as_ref().unlock.get() {
            Some(unlock) => unlock(g.as_ref().unlock_arg.get(), g),
            None => true,
        }
    };
    if !parked {
        // SAFETY: it is parked still, and the lock is held: no waker has come.
        unsafe { g.as_ref().status.set(status::RUNNABLE) };
        drop(sched);
        enqueue::<P>(core, g);
    }
}
