//! Wakes from interrupt handlers.
//!
//! A handler may have interrupted the scheduler at any instruction: with its lock held, in the
//! middle of a queue of the P. So it touches three things only, all of them lock-free: the
//! goroutine's token, the inbox of an M, and that M's parker. The M finds its mail at the next
//! scheduling point, or when it wakes, and runs it.
//!
//! | the goroutine is | it goes to the inbox of |
//! |---|---|
//! | bound to an M | that M |
//! | unbound | the M of this core |
//!
//! The last handle of a goroutine that has ended gives its stack back, which takes a lock or a P's
//! cache. In a handler the stack is sent to the M too, as a goroutine that only puts it away.
//!
//! A cancellation by shutdown and a wake agree under the scheduler's lock, so this is for platforms
//! where shutdown cancels nothing: those that do not unwind.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::enter::{Caller, enter};
use super::park::gopark;
use super::spawn::prepare;
use super::switch::{core_of, this_m};
use crate::objects::g::{G, scheduler_of, status};
use crate::objects::join_word::DETACHED;
use crate::objects::m::M;
use crate::parts::park_token::ParkToken;
use crate::parts::phase;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// Gives `token` of `g`, in an interrupt handler.
///
/// # Safety
///
/// As [`crate::wait::park_token::give`].
#[cold]
pub(crate) unsafe fn give<P: Platform>(g: NonNull<G>, token: &ParkToken) {
    // SAFETY: the caller's promise; of a parked G, `bound` is its waker's to read.
    unsafe {
        if token.give()
            && let Some(m) = recipient::<P>(g, g.as_ref().bound.get())
        {
            g.as_ref().status.store(status::RUNNABLE, Ordering::Relaxed);
            mail::<P>(m, g);
        }
    }
}

/// Gives back the stack of `g`, which has ended and has no handle any more.
///
/// # Safety
///
/// `g` is the caller's alone.
#[cold]
pub(crate) unsafe fn free_from_irq<P: Platform>(g: NonNull<G>) {
    /// Parks for ever, its stack given back by the post-switch step. It is no goroutine that
    /// anybody counts, so it does not end as one.
    fn park_for_good<P: Platform>() {
        if let Caller::Goroutine(m, g) = enter::<P>() {
            // SAFETY: inside, with a P; nobody makes it ready.
            unsafe { gopark::<P>(m, g, free_stack::<P>, ptr::null_mut()) };
        }
    }
    /// # Safety
    ///
    /// As [`crate::objects::g::Unlock`]; nothing on the stack of `g` is live.
    unsafe fn free_stack<P: Platform>(_: *mut u8, g: NonNull<G>) -> bool {
        // SAFETY: the post-switch step, inside, with a P; no handle is left.
        unsafe {
            g.as_ref().status.store(status::DEAD, Ordering::Relaxed);
            super::refs::free(this_m::<P>(), g);
        }
        true
    }
    // SAFETY: the caller's promise: the stack is free, and nothing on it is live.
    unsafe {
        let Some(m) = recipient::<P>(g, ptr::null()) else { return };
        prepare::<P, _, ()>(g, park_for_good::<P>, 0, "", g.as_ref().ident.site());
        g.as_ref().scope.set(ptr::null());
        g.as_ref().join.store(DETACHED, Ordering::Relaxed);
        mail::<P>(m, g);
    }
}

/// Which M is to run `g`; none when its scheduler has ended.
///
/// # Safety
///
/// `g` is alive, or has ended and is kept.
unsafe fn recipient<P: Platform>(g: NonNull<G>, bound: *const M) -> Option<&'static M> {
    if P::UNWINDS {
        fatal::<P>(Some(g), "a wake in an interrupt handler, on a platform that unwinds");
    }
    // SAFETY: the caller's promise; Ms are never freed.
    unsafe {
        if let Some(m) = bound.as_ref() {
            return Some(m);
        }
        match P::current().as_ref() {
            Some(m) if ptr::eq(core_of(m), scheduler_of(g)) => Some(m),
            _ if scheduler_of(g).phase() != phase::OPEN => None,
            _ => {
                fatal::<P>(Some(g), "a wake in an interrupt handler, on a core of no M of its own")
            }
        }
    }
}

/// # Safety
///
/// `g` is runnable and in no queue; it may run on `m`.
unsafe fn mail<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise. Whether the M was asleep or not: a token for it is enough,
    // since it looks into its inbox when it wakes.
    let _ = unsafe { m.inbox.push(g) };
    P::unpark(&m.parker);
}
