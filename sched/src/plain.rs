//! Words that one thread at a time uses, the protocol saying which.

use g0_arch::sync::atomic::AtomicPtr;
use g0_arch::sync::cell::UnsafeCell;

/// `const` outside loom, whose objects register themselves at run time.
macro_rules! maybe_const {
    ($(#[$attr:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attr])*
        $vis const fn $($rest)*
        #[cfg(loom)]
        $(#[$attr])*
        $vis fn $($rest)*
    };
}

/// An atomic word as plain memory.
///
/// # Safety
///
/// No other thread writes it.
#[inline(always)]
pub(crate) unsafe fn own<T>(word: &AtomicPtr<T>) -> *mut T {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(not(loom))]
        return *word.as_ptr();
        #[cfg(loom)]
        return word.unsync_load();
    }
}

/// A plain word in a shared structure: no atomic, so that a model sees a race on it.
///
/// Each field of this type says who may touch it and when.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Plain<T>(UnsafeCell<T>);

// SAFETY: access is by the unsafe functions below only, whose callers promise that accesses are
// ordered; the value is moved between threads, hence `Send`-like types: words and raw pointers.
unsafe impl<T: Copy> Sync for Plain<T> {}
// SAFETY: as above.
unsafe impl<T: Copy> Send for Plain<T> {}

impl<T: Copy> Plain<T> {
    maybe_const! {
        pub(crate) fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }
    }

    /// # Safety
    ///
    /// No thread writes at the same time.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> T {
        // SAFETY: the caller's promise.
        self.0.with(|p| unsafe { *p })
    }

    /// # Safety
    ///
    /// No other thread reads or writes at the same time.
    #[inline(always)]
    pub(crate) unsafe fn set(&self, value: T) {
        // SAFETY: the caller's promise.
        self.0.with_mut(|p| unsafe { *p = value });
    }

    /// Where it lies, for assembly that is about to write it: a model sees the write here.
    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.with_mut(|p| p)
    }

    /// # Safety
    ///
    /// As [`set`](Self::set).
    #[inline(always)]
    pub(crate) unsafe fn replace(&self, value: T) -> T {
        // SAFETY: the caller's promise.
        self.0.with_mut(|p| unsafe { core::mem::replace(&mut *p, value) })
    }
}
