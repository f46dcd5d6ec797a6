//! The word that operations read which may wait, but take no P unless they must: whether any goroutine of the
//! program is to look up.
//!
//! An operation that takes a P finds a raised claim ([`claim`](super::claim)) when its goroutine's turn is over, or
//! its run. An uncontended lock takes none, and would find nothing. So whatever asks goroutines to look up is
//! counted here, for all schedulers of the program in one word, which is zero but for moments. Each must be counted
//! down after it was counted up: below zero is [`OFTEN`].

use super::stat_atomic::{AtomicUsize, Ordering};

/// How many ask, and [`OFTEN`].
static WORD: AtomicUsize = AtomicUsize::new(0);

/// Every operation that may suspend does so.
const OFTEN: usize = 1 << (usize::BITS - 1);

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
    // Relaxed, as all here: any goroutine may see it a moment later.
    if on {
        WORD.fetch_or(OFTEN, Ordering::Relaxed);
    } else {
        WORD.fetch_and(!OFTEN, Ordering::Relaxed);
    }
}

/// Returns whether operations suspend.
#[inline(always)]
pub(crate) fn suspends_often() -> bool {
    WORD.load(Ordering::Relaxed) & OFTEN != 0
}

/// Returns whether the running goroutine must look whether it is asked.
#[inline(always)]
pub(crate) fn is_asked_for() -> bool {
    WORD.load(Ordering::Relaxed) != 0
}

/// A scheduler has goroutines to ask from now on.
pub(crate) fn begin() {
    WORD.fetch_add(1, Ordering::Relaxed);
}

/// A scheduler has none to ask any more: undoes one [`begin`].
pub(crate) fn end() {
    WORD.fetch_sub(1, Ordering::Relaxed);
}
