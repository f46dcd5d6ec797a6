//! Goroutines that keep their thread: the counts (L8), and what they bind (L1, L2).
//!
//! | count | by | at 0 it |
//! |---|---|---|
//! | external | `lock_os_thread` | stays: an unlock too many does nothing, nor does one in a callback for a lock from outside it |
//! | internal | callbacks, parks while unwinding | is broken: an unlock too many is fatal |
//! | start | on an exclusive scheduler, a goroutine's first run | never comes |
//!
//! While either is above 0 the G is bound to its M, a *locker* of it, and the M is reserved. On the pinned
//! runtime several of the goroutines that are bound to one M may have locked it, and come and go in any order:
//!
//! ```text
//!   m.reserved ──▶ G3 ──▶ G2 ──▶ G1 ─┐        the first lock puts a G before the one that reserved names
//!                  ▲                 │        the last unlock, or the end, takes it out from anywhere
//!                  └─────────────────┘        (links both ways; of one locker alone they are unused)
//! ```
//!
//! `reserved` names one of the lockers, and is null only when none is left: the last to come, or one that
//! needs the thread for itself (it waits while it unwinds), or when that has left its neighbour. Which one it
//! is decides nothing while the lockers share the thread.
//!
//! > **L8** Locks of a thread nest: a goroutine stays locked until every lock has been undone. Of several
//! > that have locked one thread, each leaves it to the rest alone.

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
        if m.lock.wired.get() && g.as_ref().locks.get() == Locks::NONE {
            // Beneath what main may undo.
            lock(m, g, Locks::START);
        }
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
        g.as_ref().locks.set(one);
        g.as_ref().bound.set(m);
        if m.migrating.get() {
            m.lock.reserved.set(g.as_ptr());
        } else {
            join_lockers(m, g);
        }
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
            leave_lockers(m, g);
        }
    }
}

/// Makes `g` one of the lockers of `m`, and the one that `reserved` names.
///
/// # Safety
///
/// `m` must be the calling thread's, and `g` locked to it and none of its lockers yet.
#[inline(always)]
pub(crate) unsafe fn join_lockers(m: &'static M, g: NonNull<G>) {
    // SAFETY: `m` is the calling thread's, and what `reserved` names a locker of it.
    unsafe {
        if let Some(other) = NonNull::new(m.lock.reserved.get()) {
            link(m, other, g);
        }
        m.lock.reserved.set(g.as_ptr());
    }
}

/// Takes `g` out of the lockers of `m`: the thread remains reserved for those that are left.
///
/// # Safety
///
/// `m` must be the calling thread's, and `g` one of its lockers.
#[inline(always)]
pub(crate) unsafe fn leave_lockers(m: &'static M, g: NonNull<G>) {
    // SAFETY: `m` is the calling thread's, and `g` a locker of it.
    unsafe {
        if m.lock.several.get() {
            return unlink(m, g);
        }
        checked!(m.lock.reserved.get() == g.as_ptr(), "L8: the only locker, and not reserved for");
        m.lock.reserved.set(ptr::null_mut());
    }
}

/// Links `g` before `other`, a locker of `m`. In line, as [`unlink`] is: a call on the way of every callback would
/// cost it registers.
///
/// # Safety
///
/// As [`join_lockers`].
#[inline(always)]
unsafe fn link(m: &'static M, other: NonNull<G>, g: NonNull<G>) {
    // SAFETY: lockers have not ended, and their links are those of the calling thread.
    unsafe {
        let at = &other.as_ref().lockers;
        if !m.lock.several.replace(true) {
            at.next.set(other.as_ptr());
            at.prev.set(other.as_ptr());
        }
        let prev = at.prev.get();
        g.as_ref().lockers.next.set(other.as_ptr());
        g.as_ref().lockers.prev.set(prev);
        (*prev).lockers.next.set(g.as_ptr());
        at.prev.set(g.as_ptr());
    }
}

/// Unlinks `g`, one of several lockers of `m`.
///
/// # Safety
///
/// As [`leave_lockers`].
#[inline(always)]
unsafe fn unlink(m: &'static M, g: NonNull<G>) {
    // SAFETY: as in `link`.
    unsafe {
        let (next, prev) = (g.as_ref().lockers.next.get(), g.as_ref().lockers.prev.get());
        (*prev).lockers.next.set(next);
        (*next).lockers.prev.set(prev);
        // One is left when both neighbours are the same.
        m.lock.several.set(next != prev);
        if m.lock.reserved.get() == g.as_ptr() {
            m.lock.reserved.set(next);
        }
    }
}
