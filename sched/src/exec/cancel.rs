//! The end of a run meets a goroutine (L25).
//!
//! > **L25** The end of a run reaches every goroutine that can be unwound, and none meets an error that the end has
//! > made.
//!
//! | the goroutine | is ended by |
//! |---|---|
//! | waits | [`cut`]: the conductor wakes it, and it withdraws its wait and unwinds |
//! | comes to an operation that may wait | [`obey`](super::obey::obey) |
//! | comes out of one with an error, such as that all senders have gone | [`has_failed`](super::obey::has_failed): whatever has gone may have been unwound |
//! | begins | `obey`, before its closure is called |

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::wake::wake_for;
use crate::objects::g::{G, status};
use crate::objects::inside::Within;
use crate::objects::shared::Core;
use crate::parts::exiting::Exiting;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// Returns whether `g` is not to be unwound: something unwinds it already, be it that a scope holds the panic while it
/// runs deferred calls; or something on its stack bars it ([`G::bar`]).
///
/// # Safety
///
/// Must be called by the thread of `g`; or while `g` is parked, with the scheduler's lock held.
pub(super) unsafe fn is_spared(g: NonNull<G>) -> bool {
    // SAFETY: as the caller ensures.
    unsafe {
        let this = g.as_ref();
        this.exiting.get() != Exiting::No || this.holding.get() != 0 || this.bars.get() != 0
    }
}

/// Wakes `g` to be unwound, if it is parked and can be. Returns whether it has. By the conductor.
pub(super) fn cut<P: Platform>(core: &'static Core, g: NonNull<G>) -> bool {
    // SAFETY: registered Gs live as long as the scheduler.
    let this = unsafe { g.as_ref() };
    if this.status.load(Ordering::Relaxed) != status::PARKED {
        return false;
    }
    let sched = core.sched.lock();
    if this.status.load(Ordering::Relaxed) != status::PARKED {
        return false;
    }
    // SAFETY: a parked G's fields stand still, and wakes take the lock too.
    let spared = this.waiting().0 == WaitReason::Scope || unsafe { is_spared(g) };
    if spared {
        return false;
    }
    // SAFETY: under the lock.
    unsafe { this.cancelled.set(true) };
    this.status.set(status::RUNNABLE);
    drop(sched);
    enqueue::<P>(core, g);
    true
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
fn enqueue<P: Platform>(core: &'static Core, g: NonNull<G>) {
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
