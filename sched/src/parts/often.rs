//! Whether operations that may suspend do so.

use super::stat_atomic::{AtomicBool, Ordering};

static OFTEN: AtomicBool = AtomicBool::new(false);

/// Lets every operation that may suspend the running goroutine do so, or ends that: to find out whether a
/// program keeps what a runtime whose goroutines share threads was [promised](crate#three-kinds-of-runtime).
/// On the migrating runtime a goroutine that is suspended goes on on another thread, if there is one.
///
/// It is for all schedulers of the program with symmetric fences. (With asymmetric ones locks and semaphores
/// alone suspend: all else looks for it on the way of the fence, so that it costs nothing when it is off.) The
/// hosted runtime calls it when the environment says `G0_SUSPEND=often`, and takes symmetric fences then.
///
/// Any context.
pub fn suspend_often(on: bool) {
    OFTEN.store(on, Ordering::Relaxed);
}

/// Returns whether operations suspend.
#[inline(always)]
pub(crate) fn suspends_often() -> bool {
    // Relaxed: any goroutine may see it a moment later.
    OFTEN.load(Ordering::Relaxed)
}
