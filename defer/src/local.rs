//! Whose pool: the one trait by which a scheduler lends its Ps' pools.

use crate::{Central, Pool};

/// Gives the pool of the P that the caller runs on, for the length of a closure.
///
/// The closures are this crate's own, a few instructions without a branch back, and never run
/// anybody's code: a scheduler runs them *inside*, where its P cannot be taken from it.
///
/// # Safety
///
/// While a closure runs, nobody else has the pool that it was given: no other thread, no interrupt
/// handler, no goroutine that is switched to meanwhile. [`fatal`](Local::fatal) does not return and does
/// not unwind.
pub unsafe trait Local: 'static {
    /// The fast way: calls `f` with the pool of the current P, on the caller's stack. None, and `f` is
    /// not called, where there is no P: a thread that runs no goroutines.
    ///
    /// No closure that comes this way takes a lock: it has none to take.
    fn with<R>(f: impl FnOnce(&mut Pool) -> R) -> Option<R>;

    /// The slow way, to and from the central list: calls `f` on the system stack if there is one, with
    /// the pool if there is a P. It takes a lock for a few instructions. None, and `f` is not called,
    /// where there is no central list either.
    fn with_central<R>(f: impl FnOnce(Option<&mut Pool>, &Central) -> R) -> Option<R>;

    /// Records are not what they have to be: ends the program. Called inside or outside.
    fn fatal(reason: &'static str) -> ! {
        end(reason)
    }
}

/// No pools: a record that does not fit into its scope goes to the allocator, and without one nowhere.
#[derive(Clone, Copy, Debug)]
pub enum Unpooled {}

// SAFETY: there is no pool.
unsafe impl Local for Unpooled {
    #[inline(always)]
    fn with<R>(_: impl FnOnce(&mut Pool) -> R) -> Option<R> {
        None
    }

    #[inline(always)]
    fn with_central<R>(_: impl FnOnce(Option<&mut Pool>, &Central) -> R) -> Option<R> {
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
        /// A panic that leaves a function of C's ends the program; where nothing unwinds, the panic does.
        extern "C" fn panics(reason: &&'static str) -> ! {
            panic!("fatal error: {reason}")
        }
        panics(&reason)
    }
}
