//! The cheap side of the pairs of fences.

use g0_arch::sync::atomic::{Ordering, fence};

/// Passes the cheap side of the fence pair, which every operation pays that touches a P.
///
/// ```text
///   M (enter, publish)              retaker, or an M about to sleep
///   store inside / work             store claim RAISED / declare idle
///   light fence                     heavy fence
///   load claim / idle               load inside / work
/// ```
///
/// At least one of the two loads sees the other side's store.
#[cfg_attr(loom, track_caller)]
#[inline(always)]
pub(crate) fn light_fence(symmetric: bool) {
    if symmetric {
        fence(Ordering::SeqCst);
    } else {
        g0_arch::sync::atomic::compiler_fence(Ordering::SeqCst);
    }
}
