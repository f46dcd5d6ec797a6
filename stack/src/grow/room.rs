//! How much fits.

use super::Here;
use crate::Class;

/// Returns the most bytes that a [`call`](super::call) would run in place for; 0 where nothing may grow.
#[inline]
pub fn remaining<H: Here>() -> usize {
    todo!()
}

/// Returns the most bytes for which a segment of this class is enough (0 to 1,536 bytes less on a slab, whose tops
/// are coloured).
pub const fn most<H: Here>(class: Class) -> usize {
    let _ = class;
    todo!()
}
