//! The way into the scheduler.
//!
//! | | for | afterwards the goroutine is |
//! |---|---|---|
//! | [`enter`] | operations that are documented to wait | on the M that the result names, which may be another |
//! | [`enter_in_place`], [`step_in`] | all other operations: wakes, unlocks, drops, `try_…`, spawns | on the same M: they never suspend |
//!
//! Either way the thread may block for a P, when that of the M was taken while the goroutine was away or
//! computed.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::current::current_m;
use super::g0::on_g0;
use super::inside::{Caller, Inside};
use super::suspend::suspend_if_often;
use crate::objects::g::G;
use crate::objects::inside::Stay;
use crate::objects::m::M;
use crate::platform::Platform;
use crate::policy::hand::Got;

/// Returns the calling goroutine and its M; `None` on a thread that is no M, and on a foreign thread
/// between its callbacks. Does not enter.
///
/// # Panics
///
/// On g0: in foreign code, or in a closure that `call` runs.
#[inline(always)]
pub(crate) fn caller<P: Platform>() -> Option<(&'static M, NonNull<G>)> {
    let m = current_m::<P>()?;
    match m.running() {
        Some(g) => Some((m, g)),
        None => {
            no_goroutine::<P>(m);
            None
        }
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

/// Enters, for an operation that is documented to wait.
///
/// # Panics
///
/// As [`caller`].
#[inline(always)]
pub(crate) fn enter<P: Platform>() -> Caller {
    let Some((mut m, g)) = caller::<P>() else { return Caller::Thread };
    // SAFETY: `symmetric` is written before the M is started.
    if unsafe { m.symmetric.get() } {
        m = suspend_if_often::<P>(m, g);
    }
    Caller::Goroutine(step_in::<P>(m, g))
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
    if current_m::<P>().is_some_and(|m| m.running().is_none()) {
        P::check_process();
        return Caller::Thread;
    }
    enter_in_place::<P>()
}

/// Enters as `g`, which must be the running goroutine, on `m`, which must be the calling M. Never
/// suspends.
#[inline(always)]
pub(crate) fn step_in<P: Platform>(m: &'static M, g: NonNull<G>) -> Inside {
    // SAFETY: `symmetric` is written before the M is started.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        acquire_as_goroutine::<P>(m);
    }
    // SAFETY: inside, and with a P: it is owned still, or has been acquired.
    unsafe { Inside::assume(m, g) }
}

/// [`acquire`] for an M that has just come inside with the goroutine's stack. Takes the M by value: a
/// [`Stay`] of the caller's, passed by address, would cost each way in a word of its frame.
#[cold]
#[inline(never)]
fn acquire_as_goroutine<P: Platform>(m: &'static M) {
    // SAFETY: the mark has just been set, and nothing else stands for this stay.
    acquire::<P>(&mut unsafe { Stay::assume(m) }, false);
}

/// The P of an M that has just come inside has been taken, or a claim on it was raised. Takes the claim back,
/// unless the M has had the P for too long; without a P, waits for one. `on_g0`: that is the present stack.
///
/// Sysmon never catches an M outside that comes here again and again, for a heavy fence takes longer than a
/// short call does: so such an M gives the P away itself.
#[cold]
#[inline(never)]
pub(crate) fn acquire<P: Platform>(stay: &mut Stay, on_g0: bool) {
    P::check_process();
    let (m, core) = (stay.m(), stay.core());
    core.unevict(m);
    if let Some(within) = stay.within() {
        if !core.has_had_enough::<P>(within.p()) {
            return;
        }
        hand_off::<P>(stay, on_g0);
    }
    if let Got::Queued = core.want_p::<P>(stay) {
        wait_for_p::<P>(m);
        core.woken::<P>(stay);
    }
}

/// Gives the P of the M away, which must own one. That runs on g0, for to start a thread takes more room than
/// a goroutine's stack has.
#[cold]
pub(crate) fn hand_off<P: Platform>(stay: &mut Stay, is_on_g0: bool) {
    let (m, core) = (stay.m(), stay.core());
    let mut give = || core.hand_off::<P>(stay.disown());
    if is_on_g0 {
        give();
    } else {
        // SAFETY: inside, on the goroutine's stack.
        unsafe { on_g0(m, give) };
    }
}

/// Blocks the thread until `nextp` is set. On a scheduler that has halted there is no P to come: a goroutine
/// that computed on beyond the end of the run remains here for ever, as the docs of
/// [`shutdown`](crate::api::shutdown) say.
fn wait_for_p<P: Platform>(m: &'static M) {
    while m.nextp.load(Ordering::Relaxed).is_null() {
        P::park(&m.parker, None);
    }
}
