//! How much of a stack was ever used, or since when that was forgotten: each kind of source has its own way to tell.

#[cfg(all(feature = "std", target_os = "linux"))]
use crate::header::Kind;
use crate::{Header, paint};

impl Header {
    /// Returns the most bytes below [`top`](Header::top) that were ever used, as far as can be told, or
    /// `None` where nothing tells (a heap or static stack that was not painted).
    ///
    /// A slab stack needs no paint: pages that were never touched are skipped, and in the lowest
    /// touched one the first word that is not zero marks the end. So pages that the kernel has
    /// swapped out, or that were given back while the stack was idle, do not count. Frames that
    /// reserved room and did not write it do not count on either kind. A packed stack needs no paint either.
    pub fn high_water(&self) -> Option<usize> {
        match self.kind {
            #[cfg(all(feature = "std", target_os = "linux"))]
            Kind::Slab => Some(crate::slab::high_water(self)),
            #[cfg(all(feature = "std", target_os = "linux"))]
            Kind::Packed => Some(crate::packed::high_water(self)),
            // SAFETY: this stack was painted.
            _ if self.is_painted() => Some(unsafe { paint::high_water(self.bottom(), self.top()) }),
            _ => None,
        }
    }

    /// Forgets what was used below `live`: from now on [`high_water`](Header::high_water) tells what is used after
    /// this, or is live now. For the next user of a stack, or the next run of the same one. Canary words stay, and a
    /// page that was never touched takes no memory for it.
    ///
    /// Does nothing where nothing tells, or if `live` is not in the stack.
    ///
    /// # Safety
    ///
    /// The stack must be the caller's, and the caller must not run on it below `live`: nothing there may be live or used
    /// until this returns. To forget all that a stack was used for, `live` is its top, or its payload.
    pub unsafe fn reset_high_water(&self, live: *mut u8) {
        let (Some(word), Some(used)) = (self.unused_word(), self.high_water()) else { return };
        let (lowest, end) = (self.top().addr() - used, live.addr() & !(size_of::<usize>() - 1));
        if end <= self.top().addr() {
            // SAFETY: between the lowest word that was used, which lies above the canary, and what is live; nothing
            // there is of use, as the caller ensures.
            unsafe { paint::cover(self.bottom().with_addr(lowest), end, word) };
        }
    }

    /// Returns the word that a stack consists of where it was never used, if that tells.
    fn unused_word(&self) -> Option<usize> {
        match self.kind {
            #[cfg(all(feature = "std", target_os = "linux"))]
            Kind::Slab | Kind::Packed => Some(0),
            _ => self.is_painted().then_some(paint::PAINT),
        }
    }
}
