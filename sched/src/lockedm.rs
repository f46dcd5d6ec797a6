//! Goroutines that keep their thread: the counts (L8), and what they bind (L1, L2).
//!
//! | count | by | at 0 it |
//! |---|---|---|
//! | external | `lock_os_thread` | stays: an unlock too many does nothing |
//! | internal | callbacks, parks while unwinding | is broken: an unlock too many is fatal |
//!
//! While either is above 0 the G is bound to its M and the M reserved for the G.

use core::ptr::{self, NonNull};

use crate::exec::enter::caller;
use crate::exec::machine::fatal;
use crate::g::{G, Locks};
use crate::m::M;
use crate::platform::Platform;

/// Wires the running goroutine to its thread until as many calls of [`unlock_os_thread`]. If the
/// goroutine ends before, its thread ends with it. Costs a nanosecond; on a thread that is no M it
/// does nothing.
///
/// # Panics
///
/// On the system stack; after 2³² locks.
#[inline]
pub fn lock_os_thread<P: Platform>() {
    if let Some((m, g)) = caller::<P>() {
        // SAFETY: the running goroutine's counts and its M's `reserved` are this thread's.
        unsafe {
            let locks = g.as_ref().locks.get();
            let external = locks.external.checked_add(1).expect("g0: too many OS thread locks");
            tie(m, g, locks);
            g.as_ref().locks.set(Locks { external, ..locks });
        }
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
        // SAFETY: as in `lock_os_thread`.
        unsafe {
            let locks = g.as_ref().locks.get();
            if locks.external != 0 {
                g.as_ref().locks.set(Locks { external: locks.external - 1, ..locks });
                untie(m, g);
            }
        }
    }
}

/// Whether the running goroutine is wired to its thread, by itself or by a callback.
///
/// # Panics
///
/// On the system stack.
pub fn os_thread_locked<P: Platform>() -> bool {
    caller::<P>().is_some_and(|(_, g)| is_locked(g))
}

/// Whether `g`, which runs on this thread, is locked.
#[inline(always)]
pub(crate) fn is_locked(g: NonNull<G>) -> bool {
    // SAFETY: the running goroutine's own counts.
    let locks = unsafe { g.as_ref().locks.get() };
    locks.external | locks.internal != 0
}

/// An internal lock.
///
/// # Safety
///
/// `g` is `m`'s running goroutine, or the one whose foreign call it is in; `m` is this thread's.
#[inline(always)]
pub(crate) unsafe fn lock_internal(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        let locks = g.as_ref().locks.get();
        tie(m, g, locks);
        g.as_ref().locks.set(Locks { internal: locks.internal + 1, ..locks });
    }
}

/// Undoes one internal lock; without one it is fatal.
///
/// # Safety
///
/// As [`lock_internal`].
#[inline(always)]
pub(crate) unsafe fn unlock_internal<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        let locks = g.as_ref().locks.get();
        if locks.internal == 0 {
            fatal::<P>(Some(g), "internal unlock of an OS thread that is not locked");
        }
        g.as_ref().locks.set(Locks { internal: locks.internal - 1, ..locks });
        untie(m, g);
    }
}

/// The first lock of `g`, whose counts were `before`.
#[inline(always)]
unsafe fn tie(m: &'static M, g: NonNull<G>, before: Locks) {
    // SAFETY: the caller's promise; others read `bound` only after the G has been published.
    unsafe {
        if !m.migrating.get() && before.external | before.internal == 0 {
            m.lockers.set(m.lockers.get() + 1);
        }
        g.as_ref().bound.set(m);
        m.reserved.set(g.as_ptr());
    }
}

/// The last unlock of `g`, if it was that.
#[inline(always)]
unsafe fn untie(m: &'static M, g: NonNull<G>) {
    if is_locked(g) {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if m.migrating.get() {
            m.reserved.set(ptr::null_mut());
            g.as_ref().bound.set(ptr::null());
        } else {
            untie_shared(m);
        }
    }
}

/// On the safe runtime several goroutines may have locked the thread that they are bound to.
///
/// # Safety
///
/// `m` is this thread's.
pub(crate) unsafe fn untie_shared(m: &'static M) {
    // SAFETY: the caller's promise.
    unsafe {
        let lockers = m.lockers.get().saturating_sub(1);
        m.lockers.set(lockers);
        if lockers == 0 {
            m.reserved.set(ptr::null_mut());
        }
    }
}
