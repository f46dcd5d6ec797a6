//! A list of free items.

use core::fmt;
use core::ptr::{self, NonNull};

use super::Link;

/// Items, last in first out, linked through themselves. A list that is dropped loses its items.
///
/// > **Invariant.** From `first` on, `len` items are linked, which only this list refers to.
#[must_use = "a list that is dropped loses its items"]
pub struct List<T> {
    first: *mut T,
    len: u32,
}

// SAFETY: the list owns its items.
unsafe impl<T: Send> Send for List<T> {}

impl<T> List<T> {
    /// Returns an empty list.
    #[inline]
    pub const fn new() -> Self {
        List { first: ptr::null_mut(), len: 0 }
    }

    /// Returns the list of these parts.
    ///
    /// # Safety
    ///
    /// They must be those of a list that was forgotten, and must be used so once only.
    #[inline]
    pub(super) const unsafe fn from_parts(first: *mut T, len: u32) -> Self {
        List { first, len }
    }

    /// Returns the item that was put in last, or null.
    #[inline]
    pub(super) const fn first(&self) -> *mut T {
        self.first
    }

    /// Returns how many items there are.
    #[inline]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Returns whether there is none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Returns everything, and leaves an empty list.
    #[inline]
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }
}

impl<T: Link> List<T> {
    /// Puts an item at the head.
    ///
    /// # Safety
    ///
    /// The item must be the caller's, which gives it to the list. It must stay valid and where it is until it
    /// is taken out.
    #[inline]
    pub unsafe fn push(&mut self, item: NonNull<T>) {
        // SAFETY: as the caller ensures.
        unsafe { item.as_ref().set_next(self.first) };
        self.first = item.as_ptr();
        self.len += 1;
    }

    /// Takes out and returns the item that was put in last: it is the caller's.
    #[inline]
    pub fn pop(&mut self) -> Option<NonNull<T>> {
        let item = NonNull::new(self.first)?;
        // SAFETY: the list's, and valid since `push`.
        self.first = unsafe { item.as_ref().next() };
        self.len -= 1;
        T::prefetch(self.first);
        Some(item)
    }

    /// Returns the items, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let mut at = self.first;
        core::iter::from_fn(move || {
            // SAFETY: the list's, and `&self` keeps them in it.
            unsafe {
                let item = at.as_ref()?;
                at = item.next();
                Some(item)
            }
        })
    }

    /// Puts `other` before this list. It walks along `other`.
    pub fn prepend(&mut self, other: Self) {
        let Some(last) = other.iter().last() else { return };
        // SAFETY: the caller owns both lists, and they become one.
        unsafe { last.set_next(self.first) };
        self.first = other.first;
        self.len += other.len;
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List::new()
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("len", &self.len).finish_non_exhaustive()
    }
}
