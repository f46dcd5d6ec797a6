//! A panic that no joiner and no scope takes.

use core::fmt;
use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use crate::objects::config::Uncaught;
use crate::objects::g::{G, scheduler_of};
use crate::parts::phase;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// Reports the panic of a goroutine that will not be joined and that no scope waits for.
#[cold]
pub(crate) fn uncaught<P: Platform>(g: NonNull<G>, payload: &<P::Unwind as Unwind>::Payload) {
    struct Chain<'a, P: Platform>(&'a <P::Unwind as Unwind>::Payload);
    impl<P: Platform> fmt::Display for Chain<'_, P> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            P::Unwind::show(self.0, f)
        }
    }
    // SAFETY: the goroutine is alive, or its handle is.
    if !is_counted(g) && unsafe { scheduler_of(g) }.uncaught == Uncaught::Fatal {
        // SAFETY: outside, before the program ends.
        unsafe { P::uncaught(&Chain::<P>(payload)) };
        fatal::<P>(Some(g), "a panic in a detached goroutine, which is never joined");
    }
}

/// Counts a panic of `g` that nothing takes, if main has returned. Then its result is there, and must not be lost with
/// the program.
pub(super) fn is_counted(g: NonNull<G>) -> bool {
    // SAFETY: the goroutine is alive, or its handle is.
    let core = unsafe { scheduler_of(g) };
    let main_has_returned = core.phase() != phase::OPEN;
    if main_has_returned {
        // Relaxed: a number.
        core.end.panics.fetch_add(1, Ordering::Relaxed);
    }
    main_has_returned
}
