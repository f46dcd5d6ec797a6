//! Magazines of no owner.

use core::fmt;
use core::ptr;

use super::{Link, List};

/// Magazines, last in first out, linked through their first items. A depot that is dropped loses them.
///
/// It has no lock of its own: its user must have one around it, and may take everything out to look at
/// it in peace.
///
/// > **Invariant.** From `top` on, `magazines` first items are linked, and each tells the length of its
/// > list; `items` is the sum.
pub struct Depot<T> {
    top: *mut T,
    magazines: usize,
    items: usize,
}

// SAFETY: the depot owns its items.
unsafe impl<T: Send> Send for Depot<T> {}

impl<T> Depot<T> {
    /// Returns an empty depot.
    pub const fn new() -> Self {
        Depot { top: ptr::null_mut(), magazines: 0, items: 0 }
    }

    /// Returns how many magazines there are.
    pub const fn magazines(&self) -> usize {
        self.magazines
    }

    /// Returns how many items there are in all of them.
    pub const fn items(&self) -> usize {
        self.items
    }

    /// Returns everything, and leaves an empty depot.
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }
}

impl<T: Link> Depot<T> {
    /// Puts a magazine on top; an empty one is none.
    pub fn push(&mut self, magazine: List<T>) {
        let first = magazine.first();
        // SAFETY: null, or the first of a list that this depot owns.
        let Some(item) = (unsafe { first.as_ref() }) else { return };
        // SAFETY: as above.
        unsafe { item.set_magazine(magazine.len(), self.top) };
        self.top = first;
        self.magazines += 1;
        self.items += magazine.len() as usize;
    }

    /// Takes out and returns the magazine that was put in last; an empty list if there is none.
    pub fn pop(&mut self) -> List<T> {
        let first = self.top;
        // SAFETY: null, or the first of a list that this depot owns.
        let Some(item) = (unsafe { first.as_ref() }) else { return List::new() };
        // SAFETY: `push` took these parts from a list, which leaves here.
        let magazine = unsafe {
            let (len, below) = item.magazine();
            self.top = below;
            List::from_parts(first, len)
        };
        self.magazines -= 1;
        self.items -= magazine.len() as usize;
        magazine
    }
}

impl<T> Default for Depot<T> {
    fn default() -> Self {
        Depot::new()
    }
}

impl<T> fmt::Debug for Depot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot")
            .field("magazines", &self.magazines)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}
