//! A goroutine ends itself, since its run does: the side of [`cancel`](super::cancel) that the goroutine calls (L25).

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use super::acquire::step_in;
use super::cancel::is_spared;
use super::current::current_m;
use super::park::park;
use crate::objects::g::{G, scheduler_of};
use crate::objects::m::M;
use crate::parts::exiting::Exiting;
use crate::parts::phase;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// Returns whether the end of the run may throw a Goexit through `g` now. Must be called by `g`
/// itself.
fn may_unwind<P: Platform>(g: NonNull<G>) -> bool {
    // SAFETY: the running goroutine's own fields.
    P::UNWINDS && unsafe { !is_spared(g) } && !P::Unwind::panicking()
}

/// A goroutine that has just come out of an operation, while the scheduler is not open: it ends
/// here if it can. Must be called outside.
#[cold]
pub(crate) fn obey<P: Platform>(g: NonNull<G>) {
    if may_unwind::<P>(g) {
        unwind::<P>(g);
    }
}

/// An operation that may wait comes to an error, in `g`, the running goroutine: it ends here if the end of the run may
/// have made that error, and can. Returns whether that may be, and it cannot. Must be called outside.
#[inline]
pub(crate) fn has_failed<P: Platform>(g: Option<NonNull<G>>) -> bool {
    if let Some(g) = g.filter(|_| is_ending(g)) {
        obey::<P>(g);
        return true;
    }
    false
}

/// As [`has_failed`], in the goroutine that the calling thread runs, if it runs one.
#[cold]
#[inline(never)]
pub(crate) fn has_failed_here<P: Platform>() -> bool {
    has_failed::<P>(current_m::<P>().and_then(M::running))
}

/// Returns whether `g`, the running goroutine, is one, and its run ends: then the end may have made an error that it
/// has just found. The goroutine that was unwound had seen the phase, and whatever lock that error was found under
/// was in its hands later; so the phase is seen here.
#[inline]
pub(crate) fn is_ending(g: Option<NonNull<G>>) -> bool {
    // SAFETY: the running goroutine is alive.
    g.is_some_and(|g| unsafe { scheduler_of(g) }.phase() != phase::OPEN)
}

/// Returns whether the calling thread runs a goroutine, or foreign code of one, that the end of the run unwinds.
#[cold]
pub(crate) fn is_ended_here<P: Platform>() -> bool {
    let g = current_m::<P>().and_then(M::curg);
    // SAFETY: the goroutine of the calling thread, whose own field it is.
    g.is_some_and(|g| unsafe { g.as_ref().exiting.get() } == Exiting::Ended)
}

/// Ends the running goroutine `g` by Goexit, when there is room for it. Must be called outside; returns only where
/// nothing unwinds.
#[cold]
pub(crate) fn unwind<P: Platform>(g: NonNull<G>) {
    await_room::<P>(g);
    // SAFETY: the running goroutine's own field.
    unsafe { g.as_ref().exiting.set(Exiting::Ended) };
    // SAFETY: the running goroutine exits, outside.
    unsafe { P::throw_goexit() };
}

/// Parks the running goroutine `g` as long as too many wait while they unwind.
fn await_room<P: Platform>(g: NonNull<G>) {
    // SAFETY: the running goroutine is alive.
    let core = unsafe { scheduler_of(g) };
    let is_full = || {
        // Relaxed: about so many.
        core.end.unwinding.load(Ordering::Relaxed) >= core.end.room.load(Ordering::Relaxed)
    };
    while is_full()
        && core.phase() == phase::CLOSING
        && let Some(m) = current_m::<P>()
    {
        let inside = step_in::<P>(m, g);
        inside.g().waits_for(WaitReason::Shutdown, core.coarse());
        // SAFETY: nothing but the conductor finds it, which makes ready what is parked.
        let (inside, _) = unsafe { park::<P, _>(inside, || true) };
        inside.leave();
    }
}
