//! Poisoning: a panic inside a lock is remembered, as `std`'s locks do it.
//!
//! `core` has none of these types, so they are defined here, shaped as `std::sync`'s: code that
//! names them through a `use` line changes that line and nothing else.
//!
//! A guard that is dropped while its thread unwinds poisons its lock, unless the thread was
//! unwinding when it took the lock. A Goexit unwinds, so it poisons too: it leaves the value as it
//! happened to be, exactly as a panic does. Only the end of a run, which unwinds goroutines wherever they
//! wait, poisons nothing: no goroutine meets an error that it makes (L25). The flag is advice. No memory safety hangs on it, so it
//! is read and written without ordering of its own: the lock orders it.

use core::error::Error;
use core::fmt;

use g0_arch::sync::atomic::{AtomicU8, Ordering};
use g0_defer::Unwind;

use crate::exec::obey::is_ended_here;
use crate::platform::Platform;

/// A lock holder has panicked. Carries what the call would have returned.
pub struct PoisonError<T> {
    data: T,
}

/// The result of a lock that may be poisoned; the error holds the guard as well.
pub type LockResult<T> = Result<T, PoisonError<T>>;

/// Why a lock was not taken at once, or not in time.
pub enum TryLockError<T> {
    /// It was taken, and is poisoned.
    Poisoned(PoisonError<T>),
    /// It is held.
    WouldBlock,
}

/// The result of trying a lock.
pub type TryLockResult<T> = Result<T, TryLockError<T>>;

impl<T> PoisonError<T> {
    /// Returns an error that carries `data`.
    pub fn new(data: T) -> Self {
        Self { data }
    }

    /// Returns what it carries: mostly the guard, to go on with the value as it was left.
    pub fn into_inner(self) -> T {
        self.data
    }

    /// Returns what it carries.
    pub fn get_ref(&self) -> &T {
        &self.data
    }

    /// Returns what it carries.
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
        f.write_str("poisoned: a panic while the lock was held")
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
            Self::WouldBlock => f.write_str("the lock is held"),
        }
    }
}

impl<T> Error for TryLockError<T> {}

/// A lock holder has panicked.
const POISONED: u8 = 1;
/// The present holder's thread was unwinding when it took the lock. It is what a guard would have to
/// remember; here it costs nothing while no thread unwinds. A guard that is forgotten, or goes to
/// another thread, leaves it behind: the next holder clears it.
const UNWINDING: u8 = 2;

/// A lock's marks.
pub(super) struct Flag(AtomicU8);

impl Flag {
    maybe_const! {
        pub(super) fn new() -> Self {
            Self(AtomicU8::new(0))
        }
    }

    /// With the lock just taken, for writing; returns whether it is poisoned.
    #[inline(always)]
    pub(super) fn enter<P: Platform>(&self) -> bool {
        if P::Unwind::panicking() {
            self.change(UNWINDING, 0);
        }
        self.marks() != 0 && self.enter_marked::<P>()
    }

    #[cold]
    #[inline(never)]
    fn enter_marked<P: Platform>(&self) -> bool {
        if !P::Unwind::panicking() {
            self.change(0, UNWINDING);
        }
        self.get()
    }

    /// With the lock still held: poisons it if the unwinding began inside.
    #[inline(always)]
    pub(super) fn leave<P: Platform>(&self) {
        if P::Unwind::panicking() && self.marks() & UNWINDING == 0 {
            self.leave_unwinding::<P>();
        }
    }

    #[cold]
    #[inline(never)]
    fn leave_unwinding<P: Platform>(&self) {
        if !is_ended_here::<P>() {
            self.change(POISONED, 0);
        }
    }

    #[inline(always)]
    pub(super) fn get(&self) -> bool {
        self.marks() & POISONED != 0
    }

    pub(super) fn clear(&self) {
        self.change(0, POISONED);
    }

    #[inline(always)]
    fn marks(&self) -> u8 {
        // Relaxed: a lock holder sees what was written under the lock; to any other caller it is a
        // hint.
        self.0.load(Ordering::Relaxed)
    }

    #[cold]
    #[inline(never)]
    fn change(&self, set: u8, clear: u8) {
        let relaxed = Ordering::Relaxed;
        // Relaxed: the lock orders it. In one step, for `clear` may come without the lock.
        let _ = self.0.fetch_update(relaxed, relaxed, |marks| Some(marks & !clear | set));
    }

    /// Returns `data`, as an error when the lock is poisoned.
    #[inline(always)]
    pub(super) fn wrap<T>(&self, data: T) -> LockResult<T> {
        wrap(self.get(), data)
    }
}

/// Returns `data`, as an error when `poisoned`.
#[inline(always)]
pub(super) fn wrap<T>(poisoned: bool, data: T) -> LockResult<T> {
    if poisoned { Err(PoisonError::new(data)) } else { Ok(data) }
}
