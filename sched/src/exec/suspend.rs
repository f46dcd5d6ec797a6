//! Suspending the running goroutine although it need not wait.
//!
//! *Because its turn is over* ([`look_up`], L24). An operation finds a raised claim on the P, or none:
//!
//! ```text
//!   the M gets a P, if it has none
//!      │
//!      ├── the run is over ── the goroutine may be unwound: Goexit (but not where a scope waits)
//!      ├── the turn is over, something else would run here ──▶ g behind all that is queued, the M goes on
//!      └── else: it goes on
//!   the claim is lowered; while the run ends, or where turns have no length, it stays raised
//! ```
//!
//! *To check a promise* ([`suspend_often`](crate::suspend_often)), at each operation:
//!
//! ```text
//!   on the migrating runtime            else, or if it is locked
//!   g behind all that is queued         g behind all that is queued
//!   the P to another M, if any          the M goes on, perhaps with g
//!   this M rests
//! ```
//!
//! Every eighth time the M keeps the P and looks at its timers and the global queue first.

use core::ptr::NonNull;

use g0_defer::Unwind;

use super::acquire::{acquire_raised, lower, step_in};
use super::current::current_m;
use super::g0::on_g0;
use super::inside::Inside;
use super::obey::obey;
use super::post_switch::Tag;
use super::switch::{mcall, mcall_elsewhere};
use crate::objects::g::G;
use crate::objects::inside::Stay;
use crate::objects::m::M;
use crate::parts::attention::{is_asked_for, suspends_often};
use crate::parts::phase;
use crate::parts::stat_atomic::{AtomicUsize, Ordering};
use crate::platform::Platform;

/// Whether the end of the run may end the goroutine where it looks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtTheEnd {
    Ends,
    GoesOn,
}

/// Lets the running goroutine look up, if one is asked to and the caller is one on its own stack. For operations
/// that may wait and have not entered.
#[inline(always)]
pub(crate) fn suspend_here<P: Platform>() {
    if is_asked_for() {
        look_up_here::<P>(AtTheEnd::Ends);
    }
}

/// As [`suspend_here`], for the one operation that the end of the run does not cut.
pub(crate) fn suspend_here_uncut<P: Platform>() {
    if is_asked_for() {
        look_up_here::<P>(AtTheEnd::GoesOn);
    }
}

/// As [`suspend_here`], after foreign code that has kept the thread: whatever waits for the thread has waited for as
/// long, though no turn was measured, for the M had no P. So it goes first.
#[inline(always)]
pub(crate) fn suspend_after_c<P: Platform>() {
    suspend_here::<P>();
    let Some(m) = current_m::<P>() else { return };
    // SAFETY: the calling thread's.
    if unsafe { m.is_awaited() } {
        give_thread_up::<P>(m);
    }
}

#[cold]
#[inline(never)]
fn give_thread_up<P: Platform>(m: &'static M) {
    let Some(g) = m.running() else { return };
    if P::Unwind::panicking() {
        return;
    }
    let inside = give_way::<P>(step_in::<P>(m, g));
    let (m, g) = inside.leave();
    if m.core().phase() != phase::OPEN {
        obey::<P>(g);
    }
}

#[cold]
#[inline(never)]
fn look_up_here<P: Platform>(at_the_end: AtTheEnd) {
    let Some(mut m) = current_m::<P>() else { return };
    let Some(g) = m.running() else { return };
    if suspends_often() {
        m = suspend::<P>(m, g);
    }
    // SAFETY: `symmetric` is written before the M is started.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        m = look_up::<P>(m, g, at_the_end);
    }
    m.claim.exit();
}

/// `g`, the running goroutine of the calling M, `m`, has just come inside, and found a claim on its P, or no P.
/// Returns the M on which it goes on, inside and with a P. Where the run is over, it ends the goroutine if it can.
#[cold]
#[inline(never)]
pub(super) fn look_up<P: Platform>(
    m: &'static M,
    g: NonNull<G>,
    at_the_end: AtTheEnd,
) -> &'static M {
    if !weigh_turn::<P>(m, g, at_the_end) {
        return m;
    }
    // SAFETY: inside, with a P: `weigh_turn` has seen to that.
    suspend_inside::<P>(unsafe { Inside::assume(m, g) }).stay_on()
}

/// The part of [`look_up`] before the switch: gets the M a P, and returns whether the turn is over. Then all that waits
/// stands before the goroutine.
///
/// It reads the clock, and may wait and start a thread, all of which is done on g0; and its own frame has gone when the
/// goroutine is suspended. For a stack of 1 KiB has no room for more.
#[inline(never)]
fn weigh_turn<P: Platform>(m: &'static M, g: NonNull<G>, at_the_end: AtTheEnd) -> bool {
    // SAFETY: the mark has just been set, and nothing else stands for this stay.
    let mut stay = unsafe { Stay::assume(m) };
    // SAFETY: inside, on the goroutine's stack.
    unsafe { on_g0(m, || acquire_raised::<P>(&mut stay)) };
    let ends = stay.core().phase() != phase::OPEN;
    let inside = if ends && at_the_end == AtTheEnd::Ends {
        stay.leave();
        obey::<P>(g);
        step_in::<P>(m, g)
    } else {
        // SAFETY: inside, with a P.
        unsafe { Inside::assume(m, g) }
    };
    let may_suspend = !P::Unwind::panicking();
    let weigh = || {
        let is_over = may_suspend && inside.core().turn_is_over::<P>(&inside);
        if !ends && !inside.core().is_turn_empty() {
            lower(&inside);
        } // else it stays raised, for whatever the goroutine does next, and for the next one
        if is_over {
            make_way::<P>(&inside);
        }
        is_over
    };
    // SAFETY: inside, on the goroutine's stack.
    let is_over = unsafe { on_g0(m, weigh) };
    inside.stay_on();
    is_over
}

/// Puts all that waits for the M or its P before the running goroutine. On g0.
fn make_way<P: Platform>(inside: &Inside) {
    let (core, p) = (inside.core(), inside.p());
    // What a timer makes ready must not come behind the goroutine either.
    if p.timers.due() <= P::now() {
        core.serve_timers::<P>(Some(inside), p);
    }
    if core.let_pass(inside, inside.g()) {
        core.wake::<P>();
    }
}

/// Lets all that waits for the M or its P run before the running goroutine.
#[cold]
#[inline(never)]
pub(super) fn give_way<P: Platform>(inside: Inside) -> Inside {
    // SAFETY: inside, on the goroutine's stack.
    unsafe { on_g0(inside.m(), || make_way::<P>(&inside)) };
    suspend_inside::<P>(inside)
}

/// Suspends the running goroutine, behind all that has been put before it.
#[cold]
#[inline(never)]
fn suspend_inside<P: Platform>(inside: Inside) -> Inside {
    // SAFETY: the flag is this thread's own; the tag says that the goroutine is runnable.
    unsafe {
        inside.lock.yield_requested.set(!inside.lock.reserved.get().is_null());
        mcall::<P>(inside, Tag::Yield)
    }
}

/// Returns true once in a while: then the M looks at timers and at the global queue, which a P that goes from M
/// to M never comes to.
fn is_others_turn() -> bool {
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: about as often is enough.
    TURNS.fetch_add(1, Ordering::Relaxed).is_multiple_of(8)
}

/// Suspends `g`, which must be the running goroutine of the calling M, `m`. Returns the M on which it goes on.
/// Must be called outside.
#[cold]
#[inline(never)]
pub(super) fn suspend<P: Platform>(m: &'static M, g: NonNull<G>) -> &'static M {
    // A goroutine that unwinds blocks its thread; the end of a run sees to its own suspensions.
    if P::Unwind::panicking() || m.core().phase() != phase::OPEN {
        return m;
    }
    let inside = step_in::<P>(m, g);
    // SAFETY: the flags are this thread's own; the tag says that the goroutine is runnable.
    let inside = unsafe {
        let reserved = !inside.lock.reserved.get().is_null();
        inside.lock.yield_requested.set(reserved);
        if reserved || !inside.migrating.get() {
            mcall::<P>(inside, Tag::Yield)
        } else if is_others_turn() {
            inside.p().request_fair_turn();
            mcall::<P>(inside, Tag::Yield)
        } else {
            mcall_elsewhere::<P>(inside, Tag::Yield)
        }
    };
    inside.leave().0
}
