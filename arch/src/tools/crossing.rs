//! The announcements of a `call_on`, in one value.

#[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
use core::ptr::NonNull;

use super::Fiber;

/// A [`call_on`](crate::Arch::call_on) from one stack to another: both their [`Fiber`]s, for code
/// that owns neither. The function that is called finds it in the frame of its caller.
///
/// ```text
///     on the one                    on the other, in the function
///     c.before_call()
///     call_on(..)            --->   c.at_entry()
///                                   ...
///                            <---   c.before_return()
///     c.after_call()
/// ```
///
/// It is empty when no tool is compiled in. The thread sanitizer is told that what one side did
/// happens before what the other does next: it is the same goroutine.
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
    ends: Option<(NonNull<Fiber>, NonNull<Fiber>)>,
}

impl Crossing {
    /// Between stacks that no announcement names.
    pub const UNTOLD: Crossing = Crossing {
        #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
        ends: None,
    };

    /// Returns the crossing from one stack to another, both of which must stay where they are until the
    /// call is over.
    #[inline(always)]
    pub fn new(from: &Fiber, to: &Fiber) -> Crossing {
        let _ = (from, to);
        Crossing {
            #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
            ends: Some((from.into(), to.into())),
        }
    }

    /// Returns the same the other way round.
    #[inline(always)]
    pub fn reversed(self) -> Crossing {
        Crossing {
            #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
            ends: self.ends.map(|(from, to)| (to, from)),
        }
    }

    /// Announces the call, as the last thing before it. `self` is in its place, where the function finds it.
    ///
    /// # Safety
    ///
    /// As for [`Fiber::before_switch`].
    #[inline(always)]
    pub unsafe fn before_call(&self) {
        #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
        if let Some((from, to)) = self.ends {
            super::release(self);
            // SAFETY: as the callers of this and of `new` ensure.
            unsafe { from.as_ref().before_switch(to.as_ref()) }
        }
    }

    /// Announces the entry, as the first thing in the function, on the value in its place: nothing else
    /// of the caller's is read before.
    ///
    /// # Safety
    ///
    /// As for [`Fiber::after_switch`].
    #[inline(always)]
    pub unsafe fn at_entry(&self) {
        super::acquire(self);
        #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
        if let Some((from, to)) = self.ends {
            // SAFETY: as above.
            unsafe {
                to.as_ref().after_switch();
                from.as_ref().left();
            }
        }
    }

    /// Announces the return, as the last thing in the function, or before the escape out of it.
    ///
    /// # Safety
    ///
    /// As for [`Fiber::before_return`].
    #[inline(always)]
    pub unsafe fn before_return(&self) {
        #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
        if let Some((from, to)) = self.ends {
            // SAFETY: as above.
            unsafe { to.as_ref().before_return(from.as_ref()) }
        }
    }

    /// Announces that the call is over, as the first thing after it.
    ///
    /// # Safety
    ///
    /// As for [`Fiber::after_return`].
    #[inline(always)]
    pub unsafe fn after_call(&self) {
        #[cfg(any(g0_asan, g0_tsan, g0_valgrind))]
        if let Some((from, to)) = self.ends {
            // SAFETY: as above.
            unsafe {
                from.as_ref().after_return();
                to.as_ref().left();
            }
        }
    }
}
