//! Wakes from interrupt handlers.
//!
//! A handler may have interrupted the scheduler at any instruction: with its lock held, in the
//! middle of a queue of the P. So it touches three things only, all of them lock-free: the
//! goroutine's token, the inbox of an M, and that M's parker. The M looks into its inbox at the
//! next scheduling point, or when it wakes, and runs what it finds. Any other operation ends the program where it
//! would enter (`exec::enter`).
//!
//! | the goroutine is | it goes to the inbox of |
//! |---|---|
//! | bound to an M | that M |
//! | unbound | the M of this core |
//!
//! The last handle of a goroutine that has ended gives its stack back, which takes a lock or a P's
//! cache. In a handler the stack is sent to the M too, as a goroutine that only frees it.
//!
//! A cancellation by the end of the run and a wake agree under the scheduler's lock, so this is for
//! platforms where the end of the run cancels nothing: those that do not unwind.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use super::current::{current_m, this_m};
use super::enter::enter_in_place;
use super::inside::Caller;
use super::park::park;
use super::refs::free;
use super::spawn::prepare;
use crate::objects::g::{G, scheduler_of, status};
use crate::objects::inside::Within;
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
/// `g` must be kept by a counted handle, and `token` be one of its tokens.
#[cold]
pub(crate) unsafe fn give<P: Platform>(g: NonNull<G>, token: &ParkToken) {
    // SAFETY: `g` is kept, as the caller ensures; of a parked G, `bound` is its waker's to read.
    unsafe {
        if token.give()
            && let Some(m) = recipient::<P>(g, g.as_ref().bound.get())
        {
            g.as_ref().status.set(status::RUNNABLE);
            mail::<P>(m, g);
        }
    }
}

/// Gives back the stack of `g`, which has ended and has no handle any more: a goroutine is made of it that only
/// frees it, on the M that is interrupted.
///
/// # Safety
///
/// `g` must have ended, its M must have left its stack, and it must be the caller's alone: it was the last handle
/// that was given up, and the one call for it.
#[cold]
pub(crate) unsafe fn free_from_irq<P: Platform>(g: NonNull<G>) {
    /// Parks for ever; the post-switch step gives its stack back. It is not counted as a goroutine, so it
    /// does not end as one.
    fn park_for_good<P: Platform>() {
        if let Caller::Goroutine(inside) = enter_in_place::<P>() {
            let g = inside.goroutine();
            // SAFETY: the post-switch step runs the closure, inside, with a P; nothing on the stack of `g` is
            // live then, no handle is left, and it is never made ready.
            let (inside, _) = unsafe {
                park::<P, _>(inside, move || {
                    g.as_ref().status.set(status::DEAD);
                    free(Within::assume(this_m::<P>()), g);
                    true
                })
            };
            inside.leave();
        }
    }
    // SAFETY: the stack is the caller's alone: nothing on it is live.
    unsafe {
        let Some(m) = recipient::<P>(g, ptr::null()) else { return };
        // A number of its own, as every label needs.
        let id = scheduler_of(g).gs.next_id.fetch_add(1, Ordering::Relaxed);
        prepare::<P, _, ()>(g, park_for_good::<P>, id, "", g.as_ref().ident.site());
        g.as_ref().scope.set(ptr::null());
        g.as_ref().join.store(DETACHED, Ordering::Relaxed);
        mail::<P>(m, g);
    }
}

/// Returns the M that is to run `g`; `None` when its scheduler has ended.
///
/// # Safety
///
/// `g` must be alive, or have ended and be kept.
unsafe fn recipient<P: Platform>(g: NonNull<G>, bound: *const M) -> Option<&'static M> {
    if P::UNWINDS {
        fatal::<P>(Some(g), "a wake in an interrupt handler, on a platform that unwinds");
    }
    // SAFETY: Ms are never freed, and `g` is kept.
    let (bound, core) = unsafe { (bound.as_ref(), scheduler_of(g)) };
    if bound.is_some() {
        return bound;
    }
    match current_m::<P>() {
        Some(m) if ptr::eq(m.core(), core) => Some(m),
        _ if core.phase() != phase::OPEN => None,
        _ => fatal::<P>(Some(g), "a wake in an interrupt handler, on a core of no M of its own"),
    }
}

/// Puts `g` into the inbox of `m`, and sees to it that `m` looks there.
///
/// # Safety
///
/// `g` must be runnable and in no queue, and may run on `m`.
unsafe fn mail<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: runnable and in no queue, as the caller ensures. Whether the M was asleep or not: a token for
    // it is enough, since it looks into its inbox when it wakes.
    let _ = unsafe { m.inbox.push(g) };
    m.parker.unpark::<P>();
}
