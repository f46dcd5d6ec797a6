//! Giving way.

use super::enter::{Caller, enter, leave};
use super::park::{go_on, mcall_unwinding, pick};
use super::switch::{Tag, core_of, mcall, proc_of, switch_to};
use crate::parts::phase;
use crate::platform::Platform;
use g0_defer::Unwind;

/// Lets other runnable goroutines run first. On a thread that is no M: a hint to the processor.
///
/// # Panics
///
/// On the system stack. While the runtime is shut down it ends the goroutine, as `goexit` does.
#[inline]
pub fn yield_now<P: Platform>() {
    let Caller::Goroutine(m, g) = enter::<P>() else {
        return core::hint::spin_loop();
    };
    // SAFETY: inside, with a P, on `g`'s own stack; `pick`'s goroutine may run here.
    unsafe {
        let m = if proc_of(m).count() || !m.lock.reserved.get().is_null() || P::Unwind::panicking()
        {
            if lonely::<P>(m) {
                m
            } else if P::Unwind::panicking() {
                m.lock.yield_requested.set(true);
                mcall_unwinding::<P>(m, g, Tag::Yield)
            } else {
                m.lock.yield_requested.set(!m.lock.reserved.get().is_null());
                mcall::<P>(m, g, Tag::Yield)
            }
        } else if let Some(next) = pick(m) {
            switch_to::<P>(m, g, next, Tag::Yield)
        } else if lonely::<P>(m) {
            m
        } else {
            mcall::<P>(m, g, Tag::Yield)
        };
        leave(m);
        if core_of(m).phase() != phase::OPEN {
            super::cancel::obey::<P>(m, g);
        }
        go_on::<P>(g);
    }
}

/// Whether nobody else wants this M's P; if somebody does, it is the other queues' turn. Timers are
/// looked at as often as always: one whose goroutine yields alone is not idle.
#[inline]
fn lonely<P: Platform>(m: &'static crate::objects::m::M) -> bool {
    use g0_arch::sync::atomic::Ordering::Relaxed;
    let core = core_of(m);
    // SAFETY: inside, with a P; the local list is our thread's.
    unsafe {
        let p = proc_of(m);
        let lonely = p.runq.is_empty()
            && !p.runq.has_next()
            && core.work.queued.load(Relaxed) == 0
            && core.work.p_waiters.load(Relaxed) == 0
            && !m.inbox.is_touched()
            && m.local.with(|local| (*local).is_empty());
        let lonely = lonely && !(p.is_fair() && p.timers.due() <= P::now());
        if lonely {
            if p.is_fair() {
                p.reset_fair_turn();
            }
        } else {
            // The other queues first: the caller is going to stand in the ring itself.
            p.request_fair_turn();
        }
        lonely
    }
}
