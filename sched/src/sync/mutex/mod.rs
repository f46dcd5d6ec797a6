//! Mutual exclusion: `std`'s `Mutex`, for goroutines and for threads.

mod guard;
pub(crate) mod raw;

use core::fmt;
use core::time::Duration;

use g0_arch::sync::cell::UnsafeCell;

pub use super::mutex::guard::MutexGuard;
use super::mutex::raw::RawMutex;
use super::poison::{Flag, LockResult, TryLockError, TryLockResult, wrap};
use crate::platform::Platform;
use crate::time::Instant;

/// A value that one goroutine or thread at a time uses. Goroutines that wait park, other threads
/// block. Names and poisoning are those of `std`'s `Mutex`; it needs no allocator and may lie in a
/// static.
///
/// Taking a lock that is free costs one compare-and-swap, its release one subtraction; neither
/// touches the scheduler. How waiters are served, and why no wake is lost, is written in the module
/// of the word.
///
/// | | |
/// |---|---|
/// | a goroutine locks what it holds already | it waits for itself for ever, as in `std` |
/// | a guard is forgotten | the value remains locked; a caller that waits for it waits until the end of the run |
/// | a guard is dropped by a panic, or by a Goexit | the value is poisoned |
/// | a guard is dropped elsewhere than it was made | that releases the lock, wherever it is |
/// | locking on the system stack | works while the lock is free, else panics |
///
/// ```
/// # #[cfg(feature = "std")] {
/// use g0_sched::{Mutex, Runtime, go};
///
/// static SUM: Mutex<u64> = Mutex::new(0);
/// Runtime::builder().build().unwrap().run(|| {
///     let all: Vec<_> = (1..=10).map(|i| go(move || *SUM.lock().unwrap() += i)).collect();
///     all.into_iter().for_each(|one| one.join().unwrap());
/// }).unwrap();
/// assert_eq!(*SUM.lock().unwrap(), 55);
/// # }
/// ```
pub struct Mutex<T: ?Sized, P: Platform> {
    pub(super) raw: RawMutex<P>,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, so it is handed from one to the other: it
// has to be `Send`, and need not be `Sync`.
unsafe impl<T: ?Sized + Send, P: Platform> Sync for Mutex<T, P> {}
// SAFETY: the value is `Send`, and a lock is tied to no thread.
unsafe impl<T: ?Sized + Send, P: Platform> Send for Mutex<T, P> {}

impl<T, P: Platform> Mutex<T, P> {
    maybe_const! {
        /// Returns an open lock around `value`.
        pub fn new(value: T) -> Self {
            Self { raw: RawMutex::new(), poison: Flag::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Returns the value.
    ///
    /// # Errors
    ///
    /// When the lock is poisoned; the error holds the value.
    pub fn into_inner(self) -> LockResult<T> {
        let Self { poison, value, .. } = self;
        poison.wrap(value.into_inner())
    }
}

impl<T: ?Sized, P: Platform> Mutex<T, P> {
    /// Takes the lock, waiting for it.
    ///
    /// # Errors
    ///
    /// When the lock is poisoned; the error holds the guard.
    ///
    /// # Panics
    ///
    /// On the system stack, when the lock is held.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T, P>> {
        self.raw.lock();
        self.guard()
    }

    /// Takes the lock if it is free. May be called on the system stack too.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock) when it is not;
    /// [`Poisoned`](TryLockError::Poisoned), which holds the guard, when it is poisoned.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T, P>> {
        if self.raw.try_lock() { Ok(self.guard()?) } else { Err(TryLockError::WouldBlock) }
    }

    /// Takes the lock, waiting for it for `time` at most; for no time at all with zero.
    ///
    /// # Errors
    ///
    /// As [`try_lock`](Self::try_lock).
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    pub fn try_lock_for(&self, time: Duration) -> TryLockResult<MutexGuard<'_, T, P>> {
        if time.is_zero() { self.try_lock() } else { self.try_lock_until(Instant::after(time)) }
    }

    /// Takes the lock, waiting for it until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`try_lock`](Self::try_lock).
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    pub fn try_lock_until(&self, deadline: Instant<P>) -> TryLockResult<MutexGuard<'_, T, P>> {
        if self.raw.lock_until(deadline.as_nanos()) {
            Ok(self.guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Returns whether a lock holder has panicked, and the mark has not been cleared since.
    pub fn is_poisoned(&self) -> bool {
        self.poison.get()
    }

    /// Clears the mark of a panic: the value is in order again.
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// Returns the value without locking: no other caller can hold the lock beside `&mut self`.
    ///
    /// # Errors
    ///
    /// When the lock is poisoned; the error holds the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        // SAFETY: `&mut self` is the only reference to the lock.
        let value = self.value.with_mut(|value| unsafe { &mut *value });
        self.poison.wrap(value)
    }

    /// Returns the guard, and whether the lock is poisoned. The caller must just have taken the
    /// lock.
    #[inline(always)]
    fn guard(&self) -> LockResult<MutexGuard<'_, T, P>> {
        // SAFETY: `raw` is locked, for this guard.
        wrap(self.poison.enter::<P>(), unsafe { MutexGuard::new(self) })
    }
}

impl<T, P: Platform> From<T> for Mutex<T, P> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default, P: Platform> Default for Mutex<T, P> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug, P: Platform> fmt::Debug for Mutex<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => shown.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}
