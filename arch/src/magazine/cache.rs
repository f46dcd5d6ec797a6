//! Two magazines of one owner.

use core::fmt;
use core::ptr::NonNull;

use super::{Link, List};

/// Free items of one owner, at most twice `HALF`, last in first out.
///
/// [`get`](Cache::get) and [`push`](Cache::push) work on the *hot* magazine. A full hot one becomes the
/// *cold* one, and the cold one becomes the hot one when that is empty; what goes to a depot or comes from
/// it is a magazine. A cache that is dropped loses its items.
///
/// > **Invariant.** `hot` has at most `HALF` items, `cold` has `HALF` or none.
pub struct Cache<T, const HALF: u32> {
    hot: List<T>,
    cold: List<T>,
}

impl<T, const HALF: u32> Cache<T, HALF> {
    /// Returns an empty cache.
    pub const fn new() -> Self {
        Cache { hot: List::new(), cold: List::new() }
    }

    /// Returns how many items there are.
    #[inline]
    pub const fn len(&self) -> u32 {
        self.hot.len() + self.cold.len()
    }

    /// Returns whether there is none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.hot.is_empty() && self.cold.is_empty()
    }

    /// Returns whether [`push`](Cache::push) may follow. A full hot magazine becomes the cold one, if there
    /// is none.
    #[inline]
    pub fn make_room(&mut self) -> bool {
        if self.hot.len() == HALF {
            if !self.cold.is_empty() {
                return false;
            }
            self.cold = self.hot.take();
        }
        true
    }

    /// Takes out and returns a magazine of `HALF` items, the cold one if there is one; an empty list if
    /// none is full.
    pub fn take_half(&mut self) -> List<T> {
        if !self.cold.is_empty() {
            self.cold.take()
        } else if self.hot.len() == HALF {
            self.hot.take()
        } else {
            List::new()
        }
    }

    /// Takes out and returns everything: the hot magazine, and the cold one.
    pub fn take_all(&mut self) -> [List<T>; 2] {
        [self.hot.take(), self.cold.take()]
    }

    /// Takes a magazine in. The cache must be empty, or its items are lost.
    pub fn fill(&mut self, magazine: List<T>) {
        debug_assert!(
            self.is_empty() && magazine.len() <= HALF,
            "a cache that has items is filled"
        );
        self.hot = magazine;
    }
}

impl<T: Link, const HALF: u32> Cache<T, HALF> {
    /// Takes out and returns the item that was put in last: it is the caller's.
    #[inline]
    pub fn get(&mut self) -> Option<NonNull<T>> {
        if self.hot.is_empty() {
            core::mem::swap(&mut self.hot, &mut self.cold);
        }
        self.hot.pop()
    }

    /// Puts an item in.
    ///
    /// # Safety
    ///
    /// As for [`List::push`]; and [`make_room`](Cache::make_room) must have just returned true.
    #[inline]
    pub unsafe fn push(&mut self, item: NonNull<T>) {
        debug_assert!(self.hot.len() < HALF, "an item is put into a full magazine");
        // SAFETY: as the caller ensures.
        unsafe { self.hot.push(item) };
    }
}

impl<T, const HALF: u32> Default for Cache<T, HALF> {
    fn default() -> Self {
        Cache::new()
    }
}

impl<T, const HALF: u32> fmt::Debug for Cache<T, HALF> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("hot", &self.hot).field("cold", &self.cold).finish()
    }
}
