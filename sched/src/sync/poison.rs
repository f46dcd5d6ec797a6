//! Poisoning: a panic inside a lock is remembered, as `std`'s locks do it.
//!
//! `core` has none of these types, so they are our own, shaped as `std::sync`'s: code that names
//! them through a `use` line changes that line and nothing else.
//!
//! A guard that is dropped while its thread unwinds poisons its lock, unless the thread was
//! unwinding when it took the lock. A Goexit unwinds, so it poisons too: it leaves the value as it
//! happened to be, exactly as a panic does. The flag is advice. No memory safety hangs on it, so it
//! is read and written without ordering of its own: the lock orders it.

use core::error::Error;
use core::fmt;

use g0_arch::sync::atomic::{AtomicBool, Ordering};
use g0_defer::Unwind;

use crate::platform::Platform;

/// Somebody panicked while holding the lock. Carries what the call would have returned.
pub struct PoisonError<T> {
    data: T,
}

/// The result of a lock that may be poisoned; the error holds the guard as well.
pub type LockResult<T> = Result<T, PoisonError<T>>;

/// Why a lock was not taken at once, or not in time.
pub enum TryLockError<T> {
    /// It was taken, and is poisoned.
    Poisoned(PoisonError<T>),
    /// It is held by somebody else.
    WouldBlock,
}

/// The result of trying a lock.
pub type TryLockResult<T> = Result<T, TryLockError<T>>;

impl<T> PoisonError<T> {
    /// An error that carries `data`.
    pub fn new(data: T) -> Self {
        Self { data }
    }

    /// What it carries: mostly the guard, to go on with the value as it was left.
    pub fn into_inner(self) -> T {
        self.data
    }

    /// What it carries.
    pub fn get_ref(&self) -> &T {
        &self.data
    }

    /// What it carries.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl<T> From<PoisonError<T>> for TryLockError<T> {
    fn from(error: PoisonError<T>) -> Self {
        Self::Poisoned(error)
    }
}

impl<T> fmt::Debug for PoisonError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoisonError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PoisonError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("poisoned: somebody panicked while holding the lock")
    }
}

impl<T> Error for PoisonError<T> {}

impl<T> fmt::Debug for TryLockError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poisoned(_) => "Poisoned(..)",
            Self::WouldBlock => "WouldBlock",
        })
    }
}

impl<T> fmt::Display for TryLockError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned(error) => error.fmt(f),
            Self::WouldBlock => f.write_str("the lock is held by somebody else"),
        }
    }
}

impl<T> Error for TryLockError<T> {}

/// A lock's mark.
pub(super) struct Flag(AtomicBool);

impl Flag {
    maybe_const! {
        pub(super) fn new() -> Self {
            Self(AtomicBool::new(false))
        }
    }

    /// With the lock just taken: whether the thread is unwinding, for [`leave`](Self::leave).
    #[inline(always)]
    pub(super) fn enter<P: Platform>() -> bool {
        P::Unwind::panicking()
    }

    /// With the lock still held: poisons it if the unwinding began inside.
    #[inline(always)]
    pub(super) fn leave<P: Platform>(&self, unwinding_before: bool) {
        if !unwinding_before && P::Unwind::panicking() {
            // Relaxed: the lock is released after it.
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub(super) fn get(&self) -> bool {
        // Relaxed: whoever holds the lock sees what was written under it; others ask for a hint.
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        // Relaxed: as above.
        self.0.store(false, Ordering::Relaxed);
    }

    /// `data`, as an error when the lock is poisoned.
    #[inline(always)]
    pub(super) fn wrap<T>(&self, data: T) -> LockResult<T> {
        if self.get() { Err(PoisonError::new(data)) } else { Ok(data) }
    }
}
