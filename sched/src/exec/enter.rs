//! The way into the scheduler.
//!
//! | | for | afterwards the goroutine is |
//! |---|---|---|
//! | [`enter`] | operations that are documented to wait | on the M that the result names, which may be another |
//! | [`enter_uncut`] | the end of a scope | the same, and not ended by the end of the run |
//! | [`enter_in_place`], [`step_in`] | all other operations: wakes, unlocks, drops, `try_…`, spawns | on the same M: they never suspend |
//!
//! Either way the thread may block for a P, when that of the M was taken while the goroutine was away or
//! computed. A claim that is raised asks the goroutine to look up ([`look_up`](super::suspend::look_up)): at an
//! operation of the first kind it gives way if its turn is over, and is unwound if the run is. One of the second
//! kind leaves the claim raised for the next.

use core::ptr::NonNull;

use super::acquire::step_in;
use super::current::current_m;
use super::inside::{Caller, Inside};
use super::suspend::{AtTheEnd, look_up, suspend};
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::attention::suspends_often;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// Returns the calling goroutine and its M; `None` on a thread that is no M, and on a foreign thread
/// between its callbacks. Does not enter.
///
/// # Panics
///
/// On g0: in foreign code, or in a closure that `call` runs.
#[inline(always)]
pub(crate) fn caller<P: Platform>() -> Option<(&'static M, NonNull<G>)> {
    not_in_interrupt::<P>();
    let m = current_m::<P>()?;
    match m.running() {
        Some(g) => Some((m, g)),
        None => {
            no_goroutine::<P>(m);
            None
        }
    }
}

/// Ends the program in an interrupt handler, which has interrupted the scheduler's code, it may be: an operation
/// there would find a P and its queues half changed.
#[inline(always)]
pub(crate) fn not_in_interrupt<P: Platform>() {
    #[cold]
    fn in_interrupt<P: Platform>() -> ! {
        fatal::<P>(
            None,
            "a runtime call in an interrupt handler: it may only wake goroutines, by handles and wakers",
        )
    }
    if P::in_interrupt() {
        in_interrupt::<P>();
    }
}

/// A foreign thread between its callbacks counts as no M; any other M that runs no goroutine is on
/// g0.
#[cold]
#[inline(never)]
fn no_goroutine<P: Platform>(m: &'static M) {
    if !(m.is_extra() && m.is_between_callbacks()) {
        on_system_stack::<P>();
    }
}

fn on_system_stack<P: Platform>() -> ! {
    P::check_process();
    panic!(
        "g0: a runtime call on the system stack (inside `call`, or in C): \
         do it before or after the call, or through `callback`"
    )
}

/// Enters, for an operation that is documented to wait. When the run has ended, that ends the goroutine here.
///
/// # Panics
///
/// As [`caller`].
#[inline(always)]
pub(crate) fn enter<P: Platform>() -> Caller {
    enter_as::<P>(AtTheEnd::Ends)
}

/// As [`enter`], for the one operation that the end of the run does not cut.
///
/// # Panics
///
/// As [`caller`].
pub(crate) fn enter_uncut<P: Platform>() -> Caller {
    enter_as::<P>(AtTheEnd::GoesOn)
}

#[inline(always)]
fn enter_as<P: Platform>(at_the_end: AtTheEnd) -> Caller {
    let Some((mut m, g)) = caller::<P>() else { return Caller::Thread };
    // The flag first: it is in hand, and where fences are asymmetric nothing else is read.
    // SAFETY: `symmetric` is written before the M is started.
    if unsafe { m.symmetric.get() } && suspends_often() {
        m = suspend::<P>(m, g);
    }
    // SAFETY: as above.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        m = look_up::<P>(m, g, at_the_end);
    }
    // SAFETY: inside, and with a P: it is owned still, or has been acquired.
    Caller::Goroutine(unsafe { Inside::assume(m, g) })
}

/// Enters, for an operation that never suspends.
///
/// # Panics
///
/// As [`caller`].
#[inline(always)]
pub(crate) fn enter_in_place<P: Platform>() -> Caller {
    match caller::<P>() {
        Some((m, g)) => Caller::Goroutine(step_in::<P>(m, g)),
        None => Caller::Thread,
    }
}

/// As [`enter_in_place`], for an operation that may be called on the system stack too: there the caller
/// counts as a thread that is no M.
pub(crate) fn enter_anywhere<P: Platform>() -> Caller {
    not_in_interrupt::<P>();
    let Some(m) = current_m::<P>() else { return Caller::Thread };
    match m.running() {
        Some(g) => Caller::Goroutine(step_in::<P>(m, g)),
        None => {
            P::check_process();
            Caller::Thread
        }
    }
}
