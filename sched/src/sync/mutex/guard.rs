//! What holds a [`Mutex`].

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::Mutex;
use crate::platform::Platform;

/// Holds a [`Mutex`]; dropping it releases the lock, on the system stack too.
///
/// It is `Send`, which `std`'s is not: the lock is a word that knows nothing of threads, so the
/// thread that has the guard may release it, whichever that is. And it must be `Send`: a goroutine
/// of the migrating runtime that parks with a guard on its stack may go on on another thread.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized, P: Platform> {
    lock: &'a Mutex<T, P>,
    /// Not `Send` and `Sync` by what the reference would say: by the two lines below.
    _by_hand: PhantomData<*mut ()>,
}

// SAFETY: it gives the value to the thread that has it, one at a time; any thread may release the
// lock.
unsafe impl<T: ?Sized + Send, P: Platform> Send for MutexGuard<'_, T, P> {}
// SAFETY: a shared guard shares the value. (A reference to the lock alone would ask for `Send`.)
unsafe impl<T: ?Sized + Sync, P: Platform> Sync for MutexGuard<'_, T, P> {}

impl<'a, T: ?Sized, P: Platform> MutexGuard<'a, T, P> {
    /// # Safety
    ///
    /// The lock must have been taken, for this guard.
    #[inline(always)]
    pub(super) unsafe fn new(lock: &'a Mutex<T, P>) -> Self {
        Self { lock, _by_hand: PhantomData }
    }

    /// Returns the lock, which is still held: for a condition variable, which releases it and takes
    /// it again.
    pub(in crate::sync) fn into_lock(self) -> &'a Mutex<T, P> {
        let lock = self.lock;
        core::mem::forget(self);
        lock
    }
}

impl<T: ?Sized, P: Platform> Drop for MutexGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.leave::<P>();
        self.lock.raw.unlock();
    }
}

impl<T: ?Sized, P: Platform> Deref for MutexGuard<'_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, and `&self` allows no writing through this guard meanwhile.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized, P: Platform> DerefMut for MutexGuard<'_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, by this guard alone.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized + fmt::Debug, P: Platform> fmt::Debug for MutexGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, P: Platform> fmt::Display for MutexGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
