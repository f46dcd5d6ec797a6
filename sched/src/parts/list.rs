//! Intrusive sched: a FIFO for one owner (or under a lock), linked through the elements.

use core::ptr::{self, NonNull};

use g0_arch::sync::OwnedCell;

/// An element's link. It belongs to whichever list the element is in, and to one list at a time.
///
/// # Safety
///
/// [`link`](Self::link) must return the same word every time, the element's own, and nothing else may use that.
pub unsafe trait Linked {
    /// Returns the link word.
    fn link(&self) -> &Link<Self>;
}

/// The link word of an element.
#[derive(Debug)]
pub struct Link<T: ?Sized>(OwnedCell<*mut T>)
where
    *mut T: Copy;

impl<T> Link<T> {
    maybe_const! {
        /// Linked to nothing.
        pub fn new() -> Self {
            Self(OwnedCell::new(ptr::null_mut()))
        }
    }

    /// # Safety
    ///
    /// The caller must own the list that the element is in.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> *mut T {
        // SAFETY: as the caller ensures.
        unsafe { self.0.get() }
    }

    /// # Safety
    ///
    /// As [`get`](Self::get).
    #[inline(always)]
    pub(crate) unsafe fn set(&self, next: *mut T) {
        // SAFETY: as the caller ensures.
        unsafe { self.0.set(next) }
    }
}

impl<T> Default for Link<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// First in, first out, with a way to jump the queue.
#[derive(Debug)]
pub struct Fifo<T> {
    head: *mut T,
    tail: *mut T,
    len: usize,
}

impl<T: Linked> Fifo<T> {
    /// Returns an empty list.
    pub const fn new() -> Self {
        Self { head: ptr::null_mut(), tail: ptr::null_mut(), len: 0 }
    }

    /// Returns how many.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Appends.
    ///
    /// # Safety
    ///
    /// `t` must live until it is popped, and be in no other list.
    #[inline(always)]
    pub unsafe fn push_back(&mut self, t: NonNull<T>) {
        // SAFETY: `t` is alive and, as the caller ensures, its link is this list's now; so is
        // the link of the tail, which is in the list.
        unsafe {
            t.as_ref().link().set(ptr::null_mut());
            if self.tail.is_null() {
                self.head = t.as_ptr();
            } else {
                (*self.tail).link().set(t.as_ptr());
            }
        }
        self.tail = t.as_ptr();
        self.len += 1;
    }

    /// Puts `t` at the head.
    ///
    /// # Safety
    ///
    /// As [`push_back`](Self::push_back).
    #[inline(always)]
    pub unsafe fn push_front(&mut self, t: NonNull<T>) {
        // SAFETY: as above.
        unsafe { t.as_ref().link().set(self.head) };
        self.head = t.as_ptr();
        if self.tail.is_null() {
            self.tail = t.as_ptr();
        }
        self.len += 1;
    }

    /// Takes the first.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<NonNull<T>> {
        let t = NonNull::new(self.head)?;
        // SAFETY: it is in the list, so it is alive and its link is the list's.
        self.head = unsafe { t.as_ref().link().get() };
        if self.head.is_null() {
            self.tail = ptr::null_mut();
        }
        self.len -= 1;
        Some(t)
    }
}

impl<T: Linked> Default for Fifo<T> {
    fn default() -> Self {
        Self::new()
    }
}
