//! Many readers or one writer: `std`'s `RwLock`, for goroutines and for threads.

mod guard;
mod raw;

use core::fmt;

use g0_arch::sync::cell::UnsafeCell;

use super::poison::{Flag, LockResult, TryLockError, TryLockResult, wrap};
pub use super::rwlock::guard::{RwLockReadGuard, RwLockWriteGuard};
use super::rwlock::raw::{Kind, RawRwLock};
use crate::platform::Platform;

/// A value that many readers or one writer may use at a time. Goroutines that wait park, other
/// threads block. Names and poisoning are those of `std`'s `RwLock`; it needs no allocator and may
/// lie in a static.
///
/// Taking a lock that is free costs one compare-and-swap, its release one subtraction; neither
/// touches the scheduler. Waiters are served first in, first out: a writer, or all readers that
/// wait in front of the next writer. Neither kind can keep the other out.
///
/// | | |
/// |---|---|
/// | a reader reads again while a writer waits | it waits for the writer, which waits for it, for ever; as in `std` it may |
/// | a guard is forgotten | a caller that waits for the lock waits until the end of the run |
/// | a writing guard is dropped by a panic, or by a Goexit | the value is poisoned; a reading one poisons nothing |
/// | locking on the system stack | works while the lock can be taken at once, else panics |
///
/// ```
/// # #[cfg(feature = "std")] {
/// use g0_sched::{Runtime, RwLock, go};
///
/// static LIMIT: RwLock<u64> = RwLock::new(1);
/// Runtime::builder().build().unwrap().run(|| {
///     *LIMIT.write().unwrap() = 10;
///     let all: Vec<_> = (0..4).map(|_| go(|| *LIMIT.read().unwrap())).collect();
///     all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), 10));
/// }).unwrap();
/// # }
/// ```
pub struct RwLock<T: ?Sized, P: Platform> {
    raw: RawRwLock<P>,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: writers hand the value from one to the other, readers share it.
unsafe impl<T: ?Sized + Send + Sync, P: Platform> Sync for RwLock<T, P> {}
// SAFETY: a lock is tied to no thread.
unsafe impl<T: ?Sized + Send, P: Platform> Send for RwLock<T, P> {}

impl<T, P: Platform> RwLock<T, P> {
    maybe_const! {
        /// Returns an open lock around `value`.
        pub fn new(value: T) -> Self {
            Self { raw: RawRwLock::new(), poison: Flag::new(), value: UnsafeCell::new(value) }
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

impl<T: ?Sized, P: Platform> RwLock<T, P> {
    /// Takes the lock for reading, waiting for it.
    ///
    /// # Errors
    ///
    /// When the lock is poisoned; the error holds the guard.
    ///
    /// # Panics
    ///
    /// On the system stack, when it would have to wait; with half a thousand million readers.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T, P>> {
        self.raw.lock(Kind::Read);
        self.reading()
    }

    /// Takes the lock for writing, waiting for it.
    ///
    /// # Errors
    ///
    /// When the lock is poisoned; the error holds the guard.
    ///
    /// # Panics
    ///
    /// On the system stack, when it would have to wait.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T, P>> {
        self.raw.lock(Kind::Write);
        self.writing()
    }

    /// Takes the lock for reading, if it is neither held for writing nor waited for. May be called
    /// on the system stack too.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock) when it is not taken;
    /// [`Poisoned`](TryLockError::Poisoned), which holds the guard, when it is poisoned.
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T, P>> {
        if self.raw.try_lock(Kind::Read) {
            Ok(self.reading()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Takes the lock for writing, if it is neither held nor waited for. May be called on the
    /// system stack too.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T, P>> {
        if self.raw.try_lock(Kind::Write) {
            Ok(self.writing()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Returns whether a writer has panicked while it held the lock, and the mark has not been
    /// cleared since.
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

    #[inline(always)]
    fn reading(&self) -> LockResult<RwLockReadGuard<'_, T, P>> {
        // SAFETY: `raw` has just been locked for reading, for this guard.
        self.poison.wrap(unsafe { RwLockReadGuard::new(self) })
    }

    #[inline(always)]
    fn writing(&self) -> LockResult<RwLockWriteGuard<'_, T, P>> {
        // SAFETY: `raw` has just been locked for writing, for this guard.
        wrap(self.poison.enter::<P>(), unsafe { RwLockWriteGuard::new(self) })
    }
}

impl<T, P: Platform> From<T> for RwLock<T, P> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default, P: Platform> Default for RwLock<T, P> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug, P: Platform> fmt::Debug for RwLock<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => shown.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}
