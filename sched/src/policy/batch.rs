//! The order of steps in which pages of parked goroutines are given back (L27): divert, fence, look, give back, open.
//! [`detour`](crate::parts::detour) says why that is enough; [`shrink`](super::shrink) says which goroutines it is done
//! to.

use g0_arch::sync::atomic::Ordering;

use crate::parts::detour::{Detour, Resume};
use crate::parts::status::{PARKED, Status};
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// A goroutine, and the detour that its resumption is to take.
#[derive(Clone, Copy)]
pub(crate) struct Diverted<'a> {
    pub(crate) word: &'a Resume,
    pub(crate) status: &'a Status,
    pub(crate) detour: &'a Detour,
}

impl Diverted<'_> {
    /// Diverts the goroutine, if it is parked, to the context that `entrance` makes, which is given the stack pointer
    /// at which the goroutine goes on. Returns whether it is diverted: then it must be in the next batch.
    ///
    /// # Safety
    ///
    /// As [`Detour::divert`].
    pub(crate) unsafe fn divert(&self, entrance: impl FnOnce(*mut u8) -> Option<*mut u8>) -> bool {
        // Relaxed: a guess, which the batch confirms.
        if self.status.load(Ordering::Relaxed) != PARKED {
            return false;
        }
        let from = self.word.look();
        // SAFETY: as the caller ensures.
        entrance(from)
            .is_some_and(|entrance| unsafe { self.detour.divert(self.word, from, entrance) })
    }
}

/// Calls `give_back` for each goroutine that is diverted, and opens its detour. `give_back` is told which one, and
/// whether nothing runs on its stack until `give_back` returns; else it must leave the stack alone. `after_fence` is
/// called when the detours of earlier batches may be asked whether they are [left](Detour::is_left).
///
/// # Safety
///
/// The caller must be sysmon, which has [diverted](Diverted::divert) each of them.
pub(crate) unsafe fn batch<P: Platform>(
    symmetric: bool,
    diverted: &[Option<Diverted<'_>>],
    after_fence: impl FnOnce(),
    mut give_back: impl FnMut(usize, bool),
) {
    heavy_fence::<P>(symmetric);
    after_fence();
    for (i, one) in diverted.iter().enumerate() {
        let Some(one) = one else { continue };
        // SAFETY: as the caller ensures.
        unsafe {
            give_back(i, one.detour.is_closed(one.word, one.status));
            one.detour.open(one.word);
        }
    }
}
