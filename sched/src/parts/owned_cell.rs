//! Words that one thread at a time uses, the protocol saying which.

use g0_arch::sync::atomic::AtomicPtr;
#[cfg(not(loom))]
use g0_arch::sync::atomic::Ordering;
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

/// An assertion of debug builds, and of models.
macro_rules! checked {
    ($($assertion:tt)*) => {
        if cfg!(any(debug_assertions, loom)) {
            assert!($($assertion)*);
        }
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

/// A pointer that is one thread's, and that others may look at for a report. Models do not see the
/// others, so to them it is plain memory.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Shown<T> {
    #[cfg(not(loom))]
    word: AtomicPtr<T>,
    #[cfg(loom)]
    word: Plain<*mut T>,
}

impl<T> Shown<T> {
    maybe_const! {
        pub(crate) fn new(value: *mut T) -> Self {
            #[cfg(not(loom))]
            return Self { word: AtomicPtr::new(value) };
            #[cfg(loom)]
            return Self { word: Plain::new(value) };
        }
    }

    /// # Safety
    ///
    /// No other thread writes it.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe {
            #[cfg(not(loom))]
            return own(&self.word);
            #[cfg(loom)]
            return self.word.get();
        }
    }

    /// # Safety
    ///
    /// As [`get`](Self::get).
    #[inline(always)]
    pub(crate) unsafe fn set(&self, value: *mut T) {
        // Relaxed: others decide nothing by it.
        #[cfg(not(loom))]
        self.word.store(value, Ordering::Relaxed);
        #[cfg(loom)]
        // SAFETY: the caller's promise.
        unsafe {
            self.word.set(value);
        }
    }

    /// Whether it was not null at some moment. Anybody; never in a model.
    pub(crate) fn is_set(&self) -> bool {
        #[cfg(not(loom))]
        return !self.word.load(Ordering::Relaxed).is_null();
        #[cfg(loom)]
        return false;
    }
}
