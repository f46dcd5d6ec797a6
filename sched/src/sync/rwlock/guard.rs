//! What holds a [`RwLock`].

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::RwLock;
use crate::platform::Platform;

/// Holds a [`RwLock`] for reading; dropping it releases the lock, on the system stack too. `Send`, as a
/// mutex's guard is and for the same reasons.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized, P: Platform> {
    lock: &'a RwLock<T, P>,
    /// Not `Send` and `Sync` by what the reference would say: by the lines below.
    _by_hand: PhantomData<*mut ()>,
}

/// Holds a [`RwLock`] for writing; dropping it releases the lock, on the system stack too. `Send`, as a
/// mutex's guard is and for the same reasons.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized, P: Platform> {
    lock: &'a RwLock<T, P>,
    /// As above.
    _by_hand: PhantomData<*mut ()>,
}

// SAFETY: it shares the value with the thread that has it, beside readers on other threads; any
// thread may release the lock.
unsafe impl<T: ?Sized + Sync, P: Platform> Send for RwLockReadGuard<'_, T, P> {}
// SAFETY: a shared guard shares the value.
unsafe impl<T: ?Sized + Sync, P: Platform> Sync for RwLockReadGuard<'_, T, P> {}
// SAFETY: it gives the value to the thread that has it, one at a time; any thread may release the
// lock. The value must be `Sync` too, since the guard can turn into one that reads, beside readers
// on other threads.
unsafe impl<T: ?Sized + Send + Sync, P: Platform> Send for RwLockWriteGuard<'_, T, P> {}
// SAFETY: a shared guard shares the value.
unsafe impl<T: ?Sized + Sync, P: Platform> Sync for RwLockWriteGuard<'_, T, P> {}

impl<'a, T: ?Sized, P: Platform> RwLockReadGuard<'a, T, P> {
    /// # Safety
    ///
    /// The lock must have been taken for reading, for this guard.
    #[inline(always)]
    pub(super) unsafe fn new(lock: &'a RwLock<T, P>) -> Self {
        Self { lock, _by_hand: PhantomData }
    }
}

impl<'a, T: ?Sized, P: Platform> RwLockWriteGuard<'a, T, P> {
    /// # Safety
    ///
    /// The lock must have been taken for writing, for this guard.
    #[inline(always)]
    pub(super) unsafe fn new(lock: &'a RwLock<T, P>) -> Self {
        Self { lock, _by_hand: PhantomData }
    }

    /// Turns into a guard that reads; no writer comes in between. Readers at the head of the queue
    /// are let in.
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T, P> {
        let lock = this.lock;
        core::mem::forget(this);
        lock.raw.downgrade();
        // SAFETY: held for reading now, and the other guard is gone.
        unsafe { RwLockReadGuard::new(lock) }
    }
}

impl<T: ?Sized, P: Platform> Drop for RwLockReadGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_read();
    }
}

impl<T: ?Sized, P: Platform> Drop for RwLockWriteGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.leave::<P>();
        self.lock.raw.unlock_write();
    }
}

impl<T: ?Sized, P: Platform> Deref for RwLockReadGuard<'_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: held for reading: there is no writer.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized, P: Platform> Deref for RwLockWriteGuard<'_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: held for writing, and `&self` allows none through this guard meanwhile.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized, P: Platform> DerefMut for RwLockWriteGuard<'_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: held for writing, by this guard alone.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl<T: ?Sized + fmt::Debug, P: Platform> fmt::Debug for $name<'_, T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display, P: Platform> fmt::Display for $name<'_, T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

shown!(RwLockReadGuard, RwLockWriteGuard);
