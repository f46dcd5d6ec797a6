//! Whose cache: the one trait by which a scheduler lends its Ps' caches.

use crate::harm::Harm;
use crate::{Cache, Depot};

/// Gives the cache of the P that the caller runs on, for the length of a closure.
///
/// The closures are this crate's own, a few instructions without a branch back, and never run any
/// caller's code: a scheduler must run them *inside*, where its P cannot be taken from it. So the two ways are
/// `unsafe` to go: a closure that asked for the cache once more would have it twice, and one that waited would
/// leave it to another goroutine.
///
/// ```compile_fail,E0133
/// # use g0_defer::{Local, Uncached};
/// Uncached::with(|_cache| ());
/// ```
///
/// # Safety
///
/// While a closure runs, nothing else may have the cache that it was given: no other thread, no interrupt
/// handler, no goroutine that is switched to meanwhile. [`fatal`](Local::fatal) must not return and must
/// not unwind.
pub unsafe trait Local: 'static {
    /// Calls `f` with the cache of the current P, on the caller's stack: the fast way. None, and `f` is
    /// not called, where there is no P: a thread that runs no goroutines.
    ///
    /// No closure that comes this way takes a lock: it has none to take.
    ///
    /// # Safety
    ///
    /// `f` must not unwind, wait, switch goroutines or call anything of this trait, and must run no code that
    /// might: none of a caller's.
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R>;

    /// Calls `f` on the system stack if there is one, with the cache if there is a P: the slow way, to
    /// and from the depot. It takes a lock for a few instructions. None, and `f` is not called, where
    /// there is no depot either.
    ///
    /// # Safety
    ///
    /// As [`with`](Local::with).
    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R>;

    /// Ends the program, because records are not what they have to be. Called inside or outside.
    fn fatal(reason: &'static str) -> ! {
        end(reason)
    }
}

impl<L: Local> Harm for L {
    fn harm(reason: &'static str) -> ! {
        L::fatal(reason)
    }
}

/// No caches: a record that does not fit into its scope goes to the allocator, and without one nowhere.
#[derive(Clone, Copy, Debug)]
pub enum Uncached {}

// SAFETY: there is no cache.
unsafe impl Local for Uncached {
    #[inline(always)]
    unsafe fn with<R>(_: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        None
    }

    #[inline(always)]
    unsafe fn with_depot<R>(_: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        None
    }
}

/// Ends the program with a message, also where a panic unwinds.
#[cold]
pub(crate) fn end(reason: &'static str) -> ! {
    #[cfg(feature = "std")]
    {
        std::eprintln!("fatal error: {reason}");
        std::process::abort()
    }
    #[cfg(not(feature = "std"))]
    {
        /// Ends the program by a panic that leaves a function of C's; where nothing unwinds, the panic
        /// itself does.
        extern "C" fn panics(reason: &&'static str) -> ! {
            panic!("fatal error: {reason}")
        }
        panics(&reason)
    }
}
