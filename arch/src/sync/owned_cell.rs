//! Words of a shared structure that one thread at a time uses, as the structure's protocol says.
//!
//! An atomic would hide a mistake in the protocol: two threads at the same word are no race then. These
//! are plain memory, and a model reports the race.

use super::atomic::AtomicPtr;
use super::cell::UnsafeCell;

/// A word that has one user at a time: an owner that changes, or the holder of a lock.
///
/// Each field of this type says which thread may use it, and when. Outside of models reading and writing
/// are one plain move.
#[derive(Debug)]
#[repr(transparent)]
pub struct OwnedCell<T>(UnsafeCell<T>);

// SAFETY: access is by the unsafe functions below, whose callers ensure an order, and by a bare pointer;
// a value is a copy and leaves nothing behind in the thread that wrote it.
unsafe impl<T: Copy> Sync for OwnedCell<T> {}
// SAFETY: as above.
unsafe impl<T: Copy> Send for OwnedCell<T> {}

impl<T: Copy> OwnedCell<T> {
    crate::const_unless_loom! {
        /// Returns a cell that holds `value`. `const` except under loom.
        #[inline]
        pub fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }
    }

    /// Returns the value.
    ///
    /// # Safety
    ///
    /// No other thread may write it at the same time.
    #[inline(always)]
    pub unsafe fn get(&self) -> T {
        // SAFETY: as the caller ensures.
        self.0.with(|word| unsafe { *word })
    }

    /// Overwrites the value.
    ///
    /// # Safety
    ///
    /// No other thread may read or write it at the same time.
    #[inline(always)]
    pub unsafe fn set(&self, value: T) {
        // SAFETY: as the caller ensures.
        self.0.with_mut(|word| unsafe { *word = value });
    }

    /// Overwrites the value and returns what it was.
    ///
    /// # Safety
    ///
    /// As for [`set`](Self::set).
    #[inline(always)]
    pub unsafe fn replace(&self, value: T) -> T {
        // SAFETY: as the caller ensures.
        self.0.with_mut(|word| unsafe { core::mem::replace(&mut *word, value) })
    }

    /// Returns its address, for assembly that is about to write there: a model sees the write at this call.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        self.0.with_mut(|word| word)
    }
}

/// A pointer that one thread at a time uses, while any thread may look at what it was a moment ago.
///
/// Its owner pays for plain memory. In a model the owner's use is checked as that of an [`OwnedCell`], and a look
/// is none.
#[derive(Debug)]
#[repr(C)]
pub struct WatchedPtr<T> {
    word: core::sync::atomic::AtomicPtr<T>,
    #[cfg(loom)]
    owned: OwnedCell<()>,
}

impl<T> WatchedPtr<T> {
    crate::const_unless_loom! {
        /// Returns a pointer that is `value`. `const` except under loom.
        #[inline]
        pub fn new(value: *mut T) -> Self {
            Self {
                word: core::sync::atomic::AtomicPtr::new(value),
                #[cfg(loom)]
                owned: OwnedCell::new(()),
            }
        }
    }

    /// Returns the pointer.
    ///
    /// # Safety
    ///
    /// No other thread may write it at the same time.
    #[inline(always)]
    pub unsafe fn get(&self) -> *mut T {
        // SAFETY: as the caller ensures.
        unsafe {
            #[cfg(loom)]
            self.owned.get();
            *self.word.as_ptr()
        }
    }

    /// Overwrites the pointer.
    ///
    /// # Safety
    ///
    /// No other thread may write it, or read it by [`get`](Self::get), at the same time.
    #[inline(always)]
    pub unsafe fn set(&self, value: *const T) {
        #[cfg(loom)]
        // SAFETY: as the caller ensures.
        unsafe {
            self.owned.set(());
        }
        // Release: a look that finds it may go on to what it points to.
        self.word.store(value.cast_mut(), core::sync::atomic::Ordering::Release);
    }

    /// Returns what it was a moment ago, for any thread; its owner learns what it is.
    #[inline]
    pub fn look(&self) -> *const T {
        self.word.load(core::sync::atomic::Ordering::Acquire)
    }
}

/// Returns what an atomic pointer holds, read as plain memory by its only writer.
///
/// Outside of models the compiler may then keep the pointer in a register, as with any field.
///
/// # Safety
///
/// No other thread may write it at the same time.
#[inline(always)]
pub unsafe fn load_owned<T>(word: &AtomicPtr<T>) -> *mut T {
    // SAFETY: as the caller ensures.
    unsafe {
        #[cfg(not(loom))]
        return *word.as_ptr();
        #[cfg(loom)]
        return word.unsync_load();
    }
}
