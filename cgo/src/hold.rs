//! Where a panic of a callback's closure waits for the end of the call: in the call's record.

use core::mem;

use g0_defer::Unwind;

use crate::call::Payload;
use crate::record::{DROPPED, HELD, Link, ROOT};
use crate::{Call, Runtime, foreign};

/// What becomes of C: it goes on, with the default. The other way is [`DROPPED`].
pub(crate) const RETURNS: usize = 0;

/// Keeps a panic until the call that it happened in returns, or is left because of it: `note`.
///
/// Runs on the goroutine's stack, as goroutine code: dropping a payload runs user code, and that
/// is where such code belongs.
///
/// # Safety
///
/// `call` must be open, and the first field of a `Link` with this unwinder's payload.
#[cold]
#[inline(never)]
pub(crate) unsafe fn hold<R: Runtime>(call: *mut Call, panic: Payload<R>, note: usize) {
    // SAFETY: as the caller ensures. Looked at here and not in the base, whose frame would grow.
    if unsafe { (*call).noted(ROOT) } {
        return foreign::uncaught::<R>(&panic);
    }
    let link = call.cast::<Link<Payload<R>>>();
    // SAFETY: as the caller ensures; the note says whether `held` is initialised.
    unsafe {
        let held = &raw mut (*link).held;
        (*call).note(note);
        if !(*call).noted(HELD) {
            (*call).note(HELD);
            (*held).write(panic);
            // Later callbacks of the same call run, though a Goexit is under way.
            R::Unwind::holding(true);
        } else if note == DROPPED
            || R::Unwind::is_goexit(&panic) && !R::Unwind::is_goexit((*held).assume_init_ref())
        {
            let older = (*held).assume_init_read();
            (*held).write(R::Unwind::replace(panic, older));
        } else if let Err(worse) = R::Unwind::catch(|| drop(panic)) {
            // Its drop panicked. Dropping that one might as well: it is leaked.
            mem::forget(worse);
        }
    }
}
