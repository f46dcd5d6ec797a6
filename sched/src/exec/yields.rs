//! Giving way.

use g0_defer::Unwind;

use super::enter::enter;
use super::inside::Caller;
use super::obey::obey;
use super::park::{go_on, mcall_unwinding};
use super::post_switch::Tag;
use super::suspend::give_way;
use super::switch::{mcall, switch_to};
use crate::parts::phase;
use crate::platform::Platform;
use crate::policy::queue_order::pick;

/// Lets other runnable goroutines run first. On a thread that is no M: a hint to the processor.
///
/// # Panics
///
/// On the system stack. While the runtime is shut down it ends the goroutine, as `goexit` does.
#[inline]
pub fn yield_now<P: Platform>() {
    let Caller::Goroutine(inside) = enter::<P>() else {
        return core::hint::spin_loop();
    };
    // SAFETY: the flags are this thread's own; the tag says that the goroutine is runnable; what `pick`
    // returns may run here.
    let inside = unsafe {
        let is_reserved = || !inside.lock.reserved.get().is_null();
        if inside.p().count() || is_reserved() || P::Unwind::panicking() {
            if !inside.core().has_competition::<P>(&inside) {
                inside
            } else if P::Unwind::panicking() {
                inside.lock.yield_requested.set(true);
                mcall_unwinding::<P>(inside, Tag::Yield)
            } else {
                // Behind `runnext` too, to which a fair turn comes last.
                give_way::<P>(inside)
            }
        } else if let Some(next) = pick(&inside) {
            switch_to::<P>(inside, next, Tag::Yield)
        } else if inside.core().has_competition::<P>(&inside) {
            mcall::<P>(inside, Tag::Yield)
        } else {
            inside
        }
    };
    let (m, g) = inside.leave();
    if m.core().phase() != phase::OPEN {
        obey::<P>(g);
    }
    go_on::<P>(g);
}
