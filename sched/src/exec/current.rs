//! The M of the calling thread.

use crate::objects::m::M;
use crate::platform::Platform;

/// Returns the M of the calling thread, which must be one. To be read anew after every switch.
#[inline(always)]
pub(crate) fn this_m<P: Platform>() -> &'static M {
    // SAFETY: not null on an M's thread, and Ms are never freed.
    unsafe { &*P::current() }
}

/// Returns the M of the calling thread; `None` on a thread that is no M.
#[inline(always)]
pub(crate) fn current_m<P: Platform>() -> Option<&'static M> {
    // SAFETY: Ms are never freed.
    unsafe { P::current().as_ref() }
}
