//! How much of a stack was ever used: each kind of source has its own way to tell.

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
}
