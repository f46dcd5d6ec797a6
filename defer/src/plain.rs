//! Words of which the protocol says whose they are.

use g0_arch::sync::cell::UnsafeCell;

/// A plain word in shared memory: no atomic, so that a model sees two who use it at a time.
#[repr(transparent)]
pub(crate) struct Plain<T>(UnsafeCell<T>);

// SAFETY: it is read and written by the unsafe functions below, whose callers promise an order.
unsafe impl<T: Copy> Sync for Plain<T> {}
// SAFETY: as above.
unsafe impl<T: Copy> Send for Plain<T> {}

impl<T: Copy> Plain<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Plain(UnsafeCell::new(value))
    }

    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Plain(UnsafeCell::new(value))
    }

    /// # Safety
    ///
    /// Nobody writes it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> T {
        // SAFETY: the caller's promise.
        self.0.with(|word| unsafe { *word })
    }

    /// # Safety
    ///
    /// Nobody else uses it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn set(&self, value: T) {
        // SAFETY: the caller's promise.
        self.0.with_mut(|word| unsafe { *word = value })
    }
}
