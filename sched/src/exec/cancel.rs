//! Ending a goroutine from outside, as far as that takes no wait.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use super::switch::core_of;
use super::wake::wake_for;
use crate::objects::g::scheduler_of;
use crate::objects::g::{G, status};
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::platform::Platform;

/// Whether C waits for `g`, in a callback, or `g` unwinds and keeps its thread. C that has no call of a
/// goroutine above it does not count: there is nothing but the callback's closure to unwind.
///
/// # Safety
///
/// By its own thread, or while it is parked, under the lock.
pub(crate) unsafe fn is_held(g: NonNull<G>) -> bool {
    // SAFETY: the caller's promise; Ms are never freed.
    let (locks, m) = unsafe { (g.as_ref().locks.get(), g.as_ref().bound.get().as_ref()) };
    // That of an extra M, and that of its first callback.
    let outermost = if m.is_some_and(M::is_extra) { 2 } else { 0 };
    locks.internal() > outermost
}

/// Whether shutdown may throw Goexit through `g` now, as its own thread sees it.
fn may_unwind<P: Platform>(g: NonNull<G>) -> bool {
    // SAFETY: the running goroutine's own fields.
    let (exiting, held) = unsafe { (g.as_ref().exiting.get(), is_held(g)) };
    // SAFETY: as above.
    let main = unsafe { scheduler_of(g) }.end.main_g.load(Ordering::Relaxed) == g.as_ptr();
    P::UNWINDS && !main && !exiting && !held && !P::Unwind::panicking()
}

/// A goroutine that has just come out of an operation, while the scheduler is not open: it ends
/// here if it can. Outside.
#[cold]
pub(crate) fn obey<P: Platform>(_m: &'static M, g: NonNull<G>) {
    if may_unwind::<P>(g) {
        unwind::<P>(g);
    }
}

/// Ends the running goroutine `g` by Goexit. Outside; returns only where nothing unwinds.
#[cold]
pub(crate) fn unwind<P: Platform>(g: NonNull<G>) {
    // SAFETY: the running goroutine's own field.
    unsafe { g.as_ref().exiting.set(true) };
    P::throw_goexit();
}

/// Whether `g`, just resumed on `m`, was woken by shutdown. Inside.
#[cold]
pub(crate) fn take_cancel(m: &'static M, g: NonNull<G>) -> bool {
    let sched = core_of(m).sched.lock();
    // SAFETY: under the lock.
    let cancelled = unsafe { g.as_ref().cancelled.replace(false) };
    drop(sched);
    cancelled
}

/// Puts `g`, whose status is RUNNABLE by our hand, into a queue that somebody looks at.
pub(crate) fn enqueue<P: Platform>(core: &'static Core, g: NonNull<G>) {
    // SAFETY: the status said PARKED and says RUNNABLE now, under the lock: the wake is ours.
    if unsafe { core.deliver::<P>(None, g, false) } {
        wake_for::<P>(core);
    }
}

/// The parking side of `Core::ready_closing`: publishes a G that has just left its stack.
///
/// # Safety
///
/// As the post-switch step; `unlock` and its argument are the G's.
#[cold]
pub(crate) unsafe fn commit_closing<P: Platform>(m: &'static M, g: NonNull<G>) {
    let core = core_of(m);
    let sched = core.sched.lock();
    // SAFETY: under the lock no wake and no cancellation sees the G between the two steps.
    let parked = unsafe {
        g.as_ref().status.store(status::PARKED, Ordering::Relaxed);
        match g.as_ref().unlock.get() {
            Some(unlock) => unlock(g.as_ref().unlock_arg.get(), g),
            None => true,
        }
    };
    if !parked {
        // SAFETY: still parked, and we hold the lock: nobody else has woken it.
        unsafe { g.as_ref().status.store(status::RUNNABLE, Ordering::Relaxed) };
        drop(sched);
        enqueue::<P>(core, g);
    }
}
