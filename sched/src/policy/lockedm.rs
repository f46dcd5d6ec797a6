//! Goroutines that keep their thread: the counts (L8), and what they bind (L1, L2).
//!
//! | count | by | at 0 it |
//! |---|---|---|
//! | external | `lock_os_thread` | stays: an unlock too many does nothing, nor does one in a callback for a lock from outside it |
//! | internal | callbacks, parks while unwinding | is broken: an unlock too many is fatal |
//! | start | on an exclusive scheduler, a goroutine's first run | never comes |
//!
//! While either is above 0 the G is bound to its M and the M reserved for the G.
//!
//! > **L8** Locks of a thread nest: a goroutine stays locked until every lock has been undone.

use core::ptr::{self, NonNull};

use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::locks::Locks;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// Locks `g`, which has not run, to `m`, which has not either.
///
/// # Safety
///
/// Both must be the caller's.
pub(crate) unsafe fn wire(m: &'static M, g: NonNull<G>) {
    // SAFETY: no other thread has either: they have not run.
    unsafe {
        lock_at_start(m, g);
        lock(m, g, Locks::EXTERNAL);
    }
}

/// Locks `g`, which runs next on `m`, for good, if it has not run before and this is an exclusive scheduler.
/// There no goroutine is ever switched to directly, for the one before it is locked: all come by way of g0.
///
/// # Safety
///
/// `m` must be the calling thread's, or neither have run; `g` must be in no queue.
#[inline(always)]
pub(crate) unsafe fn lock_at_start(m: &'static M, g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe {
        if m.locks_at_start.get() && g.as_ref().locks.get() == Locks::NONE {
            lock(m, g, Locks::START);
        }
    }
}

/// Returns whether `g`, which runs on this thread, is locked.
#[inline(always)]
pub(crate) fn is_locked(g: NonNull<G>) -> bool {
    // SAFETY: the running goroutine's own counts.
    unsafe { g.as_ref().locks.get() != Locks::NONE }
}

/// Locks `g` to `m` once more, internally.
///
/// # Safety
///
/// As [`lock`].
#[inline(always)]
pub(crate) unsafe fn lock_internal(m: &'static M, g: NonNull<G>) {
    // SAFETY: `m` is the calling thread's, and `g` its goroutine.
    unsafe { lock(m, g, Locks::INTERNAL) };
}

/// Begins a callback: takes an internal lock, and the user's own are out of its reach. Returns how many they
/// were.
///
/// # Safety
///
/// As [`lock`].
#[inline(always)]
pub(crate) unsafe fn lock_callback(m: &'static M, g: NonNull<G>) -> usize {
    // SAFETY: `m` is the calling thread's, and `g` its goroutine.
    unsafe {
        // Looked at before: what has just been stored would have to be waited for.
        let mine = g.as_ref().locks.get().external();
        lock(m, g, Locks::INTERNAL);
        if mine == 0 {
            return 0;
        }
        let (locks, covered) = g.as_ref().locks.get().cover();
        g.as_ref().locks.set(locks);
        covered
    }
}

/// Ends a callback.
///
/// # Safety
///
/// As [`lock`]; `covered` must be what the callback's [`lock_callback`] returned.
#[inline(always)]
pub(crate) unsafe fn unlock_callback<P: Platform>(m: &'static M, g: NonNull<G>, covered: usize) {
    // SAFETY: `m` is the calling thread's, and `g` its goroutine.
    unsafe {
        if covered != 0 {
            g.as_ref().locks.set(g.as_ref().locks.get().uncover(covered));
        }
        unlock_internal::<P>(m, g);
    }
}

/// Undoes one internal lock; without one it is fatal.
///
/// # Safety
///
/// As [`lock`].
#[inline(always)]
pub(crate) unsafe fn unlock_internal<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: `m` is the calling thread's, and `g` its goroutine.
    unsafe {
        let locks = g.as_ref().locks.get();
        // Asked first, as in `unlock`: it is what there usually is.
        if locks != Locks::INTERNAL && !locks.has_internal() {
            fatal::<P>(Some(g), "internal unlock of an OS thread that is not locked");
        }
        unlock(m, g, locks, Locks::INTERNAL);
    }
}

/// Adds `one` lock. The first stores a constant, so that a lock and unlock in a loop do not wait for
/// one another through memory.
///
/// # Safety
///
/// `m` must be the calling thread's, and `g` its running goroutine, or the one whose foreign call it is in.
#[inline(always)]
pub(crate) unsafe fn lock(m: &'static M, g: NonNull<G>, one: Locks) {
    // SAFETY: `m` is the calling thread's and `g` its goroutine; other threads read `bound` only after the G
    // has been published.
    unsafe {
        let locks = g.as_ref().locks.get();
        if locks != Locks::NONE {
            checked!(ptr::eq(g.as_ref().bound.get(), m), "L8: locked, and not bound here");
            let more = locks.plus(one).expect("g0: too many OS thread locks");
            return g.as_ref().locks.set(more);
        }
        if !m.migrating.get() {
            m.lock.locked_gs.set(m.lock.locked_gs.get() + 1);
        }
        g.as_ref().locks.set(one);
        g.as_ref().bound.set(m);
        m.lock.reserved.set(g.as_ptr());
    }
}

/// Takes `one` lock away, of the `locks` there are.
///
/// # Safety
///
/// As [`lock`].
#[inline(always)]
pub(crate) unsafe fn unlock(m: &'static M, g: NonNull<G>, locks: Locks, one: Locks) {
    // SAFETY: `m` is the calling thread's, and `g` its goroutine.
    unsafe {
        checked!(ptr::eq(g.as_ref().bound.get(), m), "L8: locked, and not bound here");
        if locks != one {
            return g.as_ref().locks.set(locks.minus(one));
        }
        g.as_ref().locks.set(Locks::NONE);
        if m.migrating.get() {
            m.lock.reserved.set(ptr::null_mut());
            g.as_ref().bound.set(ptr::null());
        } else {
            untie_shared(m);
        }
    }
}

/// Counts one locked goroutine less; the last one frees the M. Several goroutines of the pinned runtime may
/// have locked the thread that they are bound to.
///
/// # Safety
///
/// `m` must be the calling thread's.
pub(crate) unsafe fn untie_shared(m: &'static M) {
    // SAFETY: `m` is the calling thread's.
    unsafe {
        let locked_gs = m.lock.locked_gs.get().saturating_sub(1);
        m.lock.locked_gs.set(locked_gs);
        if locked_gs == 0 {
            m.lock.reserved.set(ptr::null_mut());
        }
    }
}
