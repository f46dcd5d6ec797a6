//! Whoever waits for something: a goroutine, or a thread that is no M.

use core::ptr::{self, NonNull};

use crate::core::Core;
use crate::exec::enter::Caller;
use crate::exec::park::{gopark, ready_from};
use crate::exec::switch::core_of;
use crate::g::{G, Unlock};
use crate::m::M;
use crate::platform::{Parker, Platform};

/// Lives on the waiting stack, for the length of the wait; whoever wakes it has taken it out of
/// the queue before and does not touch it after the wake.
pub(crate) struct Waiter {
    g: *mut G,
    core: *const Core,
    parker: Parker,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// By whoever was waited for.
    Ready,
    /// By shutdown.
    Cancelled,
}

impl Waiter {
    /// For the caller.
    #[inline(always)]
    pub(crate) fn new(caller: Caller) -> Self {
        let (g, core) = match caller {
            Caller::Goroutine(m, g) => (g.as_ptr(), ptr::from_ref(core_of(m))),
            Caller::Thread => (ptr::null_mut(), ptr::null()),
        };
        Self { g, core, parker: Parker::new() }
    }

    /// The waiting goroutine; none for a thread.
    #[inline(always)]
    pub(crate) fn goroutine(&self) -> Option<NonNull<G>> {
        NonNull::new(self.g)
    }

    /// Waits. `unlock(arg, ..)` lets the waker find this waiter, on a goroutine once its context
    /// is saved; when it returns false the wait is over at once. The caller is inside before and
    /// after (a goroutine); its M may be another: the one returned.
    ///
    /// # Safety
    ///
    /// As [`gopark`]; `caller` is the one given to [`new`](Self::new).
    #[inline(always)]
    pub(crate) unsafe fn wait<P: Platform>(
        &self,
        caller: Caller,
        unlock: Unlock,
        arg: *mut u8,
    ) -> (Caller, Woken) {
        match caller {
            Caller::Goroutine(m, g) => {
                // SAFETY: the caller's promise.
                let (m, cancelled) = unsafe { gopark::<P>(m, g, unlock, arg) };
                let woken = if cancelled { Woken::Cancelled } else { Woken::Ready };
                (Caller::Goroutine(m, g), woken)
            }
            Caller::Thread => {
                // SAFETY: as above; no goroutine is passed on: none of ours looks at it.
                if unsafe { unlock(arg, NonNull::dangling()) } {
                    while !P::park(&self.parker, None) {}
                }
                (caller, Woken::Ready)
            }
        }
    }

    /// Ends the wait. `m` is the caller's M, inside, or none.
    ///
    /// # Safety
    ///
    /// `waiter` waits, and this is its one wake; it is gone when this returns.
    #[inline(always)]
    pub(crate) unsafe fn wake<P: Platform>(waiter: *const Waiter, m: Option<&'static M>) {
        // SAFETY: the waiter lives until it is woken, which the last access here does.
        unsafe {
            match NonNull::new((*waiter).g) {
                Some(g) => ready_from::<P>(m, &*(*waiter).core, g),
                None => P::unpark(&(*waiter).parker),
            }
        }
    }
}
