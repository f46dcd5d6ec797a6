//! The entrance of a detour: where a switch comes out to a goroutine of whose stack pages are being given back.

use g0_arch::sync::Backoff;
use g0_arch::{Arch, Context, Native};

use super::post_switch::resumed;
use crate::parts::detour::Detour;
use crate::platform::Platform;

/// The first function on the stack of a [`Detour`]. Does for the goroutine that is being resumed what cannot be done on
/// its own stack yet: the post-switch step. Then waits, for less than a batch lasts (`policy::shrink`), and switches to
/// the goroutine.
///
/// # Safety
///
/// Must be the [`Entry`](g0_arch::Entry) of the context to which `data`, a detour of this M's scheduler, has diverted a
/// goroutine.
pub(crate) unsafe extern "C" fn entrance<P: Platform>(value: usize, data: *mut u8) -> ! {
    // SAFETY: the value came out of a switch, and this is the first thing done with it. The M counts as running the
    // goroutine already, and all that the step needs of a stack is room. The detour lives as long as its scheduler, and
    // its exit is a saved context of the goroutine that this M has taken out of a queue.
    unsafe {
        resumed::<P>(value).core().shrink.waits.add_shared(1);
        let backoff = Backoff::new();
        let exit = (*data.cast::<Detour>()).pass(|| backoff.snooze());
        let mut abandoned = Context::EMPTY;
        Native::switch(&raw mut abandoned, Context::at(exit), 0);
    }
    unreachable!("an abandoned detour was resumed")
}
