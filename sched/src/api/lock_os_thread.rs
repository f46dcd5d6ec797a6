//! Goroutines that lock their thread.

use crate::exec::enter::caller;
use crate::parts::locks::Locks;
use crate::platform::Platform;
use crate::policy::lockedm::{lock, unlock};

/// Wires the running goroutine to its thread, until [`unlock_os_thread`] has been called as often.
/// If the goroutine ends before, its thread ends with it; on the pinned runtime, where other
/// goroutines may be bound to the thread, the platform is told instead. Costs a nanosecond; on a
/// thread that is no M it does nothing.
///
/// # Panics
///
/// On the system stack; after 2²⁰ locks.
#[inline]
pub fn lock_os_thread<P: Platform>() {
    if let Some((m, g)) = caller::<P>() {
        // SAFETY: the running goroutine, and this thread's M.
        unsafe { lock(m, g, Locks::EXTERNAL) };
    }
}

/// Undoes one [`lock_os_thread`]; without one it does nothing.
///
/// # Panics
///
/// On the system stack.
#[inline]
pub fn unlock_os_thread<P: Platform>() {
    if let Some((m, g)) = caller::<P>() {
        // SAFETY: the running goroutine, and this thread's M.
        unsafe {
            let locks = g.as_ref().locks.get();
            if locks.external() != 0 {
                unlock(m, g, locks, Locks::EXTERNAL);
            }
        }
    }
}

/// Returns whether the running goroutine is wired to its thread, by itself or by a callback. (That on an
/// exclusive runtime all are does not count.)
///
/// # Panics
///
/// On the system stack.
pub fn os_thread_locked<P: Platform>() -> bool {
    // SAFETY: the running goroutine's own counts.
    caller::<P>().is_some_and(|(_, g)| unsafe { g.as_ref().locks.get() }.asked_for() != Locks::NONE)
}
