//! The way into the scheduler, and out of it again.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::g0;
use super::switch::{core_of, proc_of};
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::phase;
use crate::platform::Platform;
use crate::policy::find_runnable::Next;
use crate::policy::sched_state::disown;

/// Who calls.
#[derive(Clone, Copy)]
pub(crate) enum Caller {
    /// A goroutine on its own stack; its M is inside now and owns a P.
    Goroutine(&'static M, NonNull<G>),
    /// A thread that is no M.
    Thread,
}

/// The calling goroutine and its M, if any; does not enter. A foreign thread has none between its
/// callbacks.
///
/// # Panics
///
/// On g0: in foreign code, or in a closure that `call` runs.
#[inline(always)]
pub(crate) fn caller<P: Platform>() -> Option<(&'static M, NonNull<G>)> {
    // SAFETY: Ms are never freed.
    let m: &'static M = unsafe { P::current().as_ref()? };
    match m.running() {
        Some(g) => Some((m, g)),
        None => {
            no_goroutine::<P>(m);
            None
        }
    }
}

/// A foreign thread between its callbacks is no M to any but those; all else is on g0.
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

/// Enters.
///
/// # Panics
///
/// As [`caller`].
#[inline(always)]
pub(crate) fn enter<P: Platform>() -> Caller {
    match caller::<P>() {
        Some((m, g)) => {
            reenter::<P>(m);
            Caller::Goroutine(m, g)
        }
        None => Caller::Thread,
    }
}

/// Enters, for what does not wait; on the system stack as a thread that is no M.
pub(crate) fn enter_anywhere<P: Platform>() -> Caller {
    // SAFETY: Ms are never freed.
    let on_g0 = unsafe { P::current().as_ref() }.is_some_and(|m| m.running().is_none());
    if on_g0 {
        P::check_process();
        return Caller::Thread;
    }
    enter::<P>()
}

/// Marks `m` inside and makes sure that it has a P. On the goroutine's stack.
#[inline(always)]
pub(crate) fn reenter<P: Platform>(m: &'static M) {
    // SAFETY: `symmetric` is written before the M starts.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        acquire::<P>(m, false);
    }
}

/// Leaves.
#[inline(always)]
pub(crate) fn leave(m: &'static M) {
    m.claim.exit();
}

/// `m` is inside, and its P has been taken, or is claimed: then it is taken back, unless `m` has had it for
/// too long. Without one, waits for another. `on_g0`: that is the stack we are on.
///
/// Whoever comes here again and again is never caught outside, for a heavy fence takes longer than a
/// short call does: so it gives the P away itself.
#[cold]
#[inline(never)]
pub(crate) fn acquire<P: Platform>(m: &'static M, on_g0: bool) {
    P::check_process();
    let core = core_of(m);
    core.unevict(m);
    if m.claim.holds() {
        // SAFETY: inside, with a P.
        if unsafe { !core.has_had_enough::<P>(proc_of(m)) } {
            return;
        }
        let give = || core.hand_off::<P>(disown(m));
        if on_g0 {
            give();
        } else {
            // SAFETY: inside, on the goroutine's stack.
            unsafe { g0::on_g0(m, give) };
        }
    }
    if core.want_p::<P>(m) == crate::policy::sched_state::Got::Queued {
        wait_for_p::<P>(m);
        core.woken::<P>(m);
    }
}

/// Blocks the thread until `nextp` is set. On a scheduler that has halted there is no P to come:
/// a goroutine that computed on beyond the end stays here for ever, as the docs of shutdown say.
pub(crate) fn wait_for_p<P: Platform>(m: &'static M) {
    while m.nextp.load(Ordering::Relaxed).is_null() {
        P::park(&m.parker, None);
    }
}

/// As [`wait_for_p`], on g0, for an M that the core has told to wait; until it has a P, or the
/// scheduler has halted.
pub(crate) fn wait_on_g0<P: Platform>(m: &'static M, mut deadline: Option<u64>) {
    let core = core_of(m);
    loop {
        if !m.nextp.load(Ordering::Relaxed).is_null() {
            return core.woken::<P>(m);
        }
        // Acquire: pairs with `halt`.
        if core.end.phase.load(Ordering::Acquire) == phase::HALTED {
            return;
        }
        // SAFETY: our thread's.
        if unsafe { m.spin.before_sleep.replace(false) } {
            core.spin_for_p::<P>(m);
            continue;
        }
        P::park(&m.parker, deadline);
        if m.nextp.load(Ordering::Relaxed).is_null() {
            // SAFETY: our M, on g0, inside, and told to wait.
            deadline = match unsafe { core.spurious_wakeup::<P>(m) } {
                None => return,
                Some(Next::WaitUntil(deadline)) => Some(deadline),
                Some(_) => None,
            };
        }
    }
}
