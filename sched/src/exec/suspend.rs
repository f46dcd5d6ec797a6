//! Suspending the running goroutine although it need not wait ([`suspend_often`](crate::suspend_often)).
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

use super::acquire::step_in;
use super::current::current_m;
use super::post_switch::Tag;
use super::switch::{mcall, mcall_elsewhere};
use crate::objects::g::G;
use crate::objects::m::M;
use crate::parts::often::suspends_often;
use crate::parts::phase;
use crate::parts::stat_atomic::{AtomicUsize, Ordering};
use crate::platform::Platform;

/// Suspends the running goroutine, if operations suspend and the caller is one on its own stack. For operations
/// that may wait and have not entered.
#[inline(always)]
pub(crate) fn suspend_here<P: Platform>() {
    if suspends_often()
        && let Some(m) = current_m::<P>()
        && let Some(g) = m.running()
    {
        suspend::<P>(m, g);
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
