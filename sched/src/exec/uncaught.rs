//! A panic that no joiner and no scope takes.

use core::fmt;
use core::ptr::NonNull;

use g0_defer::Unwind;

use crate::objects::config::Uncaught;
use crate::objects::g::{G, scheduler_of};
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
    if unsafe { scheduler_of(g) }.uncaught == Uncaught::Fatal {
        // SAFETY: outside, before the program ends.
        unsafe { P::uncaught(&Chain::<P>(payload)) };
        fatal::<P>(Some(g), "a panic in a detached goroutine, which is never joined");
    }
}
