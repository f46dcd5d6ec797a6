//! A primitive's lock, released by the post-switch step when its holder parks.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use g0_arch::sync::{Mutex, MutexGuard};

use super::queue::{Node, Queue};
use crate::exec::enter::{Caller, leave};
use crate::exec::park::go_on;
use crate::g::G;
use crate::platform::Platform;
use crate::waiter::Woken;

/// The caller's M for a wake: none for a thread.
#[inline(always)]
pub(crate) fn m_of(who: Caller) -> Option<&'static crate::m::M> {
    match who {
        Caller::Goroutine(m, _) => Some(m),
        Caller::Thread => None,
    }
}

/// Leaves, if the caller is a goroutine.
#[inline(always)]
pub(crate) fn leave_as(who: Caller) {
    if let Caller::Goroutine(m, _) = who {
        leave(m);
    }
}

/// Waits in a queue of the state that `guard` locks; `node` has just been pushed there. The guard
/// is dropped once the caller's context is saved. Left, on return. Does not return when shutdown
/// ends the wait: the node is taken out of `queue` and the goroutine unwound.
///
/// # Safety
///
/// `node` is queued and stays; `lock` is the guard's; whoever pops the node wakes it once.
#[inline(always)]
pub(crate) unsafe fn wait<P: Platform, S>(
    who: Caller,
    node: &Node,
    guard: MutexGuard<'_, S>,
    lock: &Mutex<S>,
    queue: fn(&mut S) -> &mut Queue,
) {
    /// # Safety
    ///
    /// `arg` points to the guard, which nobody else drops.
    unsafe fn release<S>(arg: *mut u8, _g: NonNull<G>) -> bool {
        // SAFETY: the caller's promise. The guard is read out first: with the lock free, the
        // stack it lay on may run.
        unsafe {
            drop(ManuallyDrop::into_inner(arg.cast::<ManuallyDrop<MutexGuard<'_, S>>>().read()))
        };
        true
    }
    let mut guard = ManuallyDrop::new(guard);
    // SAFETY: the caller's promises.
    let (who, woken) = unsafe { node.waiter.wait::<P>(who, release::<S>, (&raw mut guard).cast()) };
    if woken == Woken::Cancelled {
        // SAFETY: as above.
        return unsafe { cancelled::<P, S>(who, node, lock, queue) };
    }
    leave_as(who);
    if let Caller::Goroutine(_, g) = who
        && !node.served.get()
    {
        // Not with a value in hand.
        go_on::<P>(g);
    }
}

#[cold]
unsafe fn cancelled<P: Platform, S>(
    who: Caller,
    node: &Node,
    lock: &Mutex<S>,
    queue: fn(&mut S) -> &mut Queue,
) {
    let Caller::Goroutine(m, g) = who else { return };
    let mut state = lock.lock();
    if node.is_queued() {
        // SAFETY: it is in this queue.
        unsafe { queue(&mut state).remove(node) };
        drop(state);
        leave(m);
        return crate::shutdown::unwind::<P>(g);
    }
    drop(state);
    // Somebody has taken it out, so the wake is on its way, with what was waited for.
    leave(crate::shutdown::await_late::<P>(m, g));
}
