//! Whoever waits for something: a goroutine, or a thread that is no M.
//!
//! ```text
//!   who waits                                who ends the wait
//!   publish, once the context is saved ───▶  take the waiter out of a queue or the wheel
//!                                            claim the wait (a compare-and-swap, if contested)
//!   ◀─────────────────────────────────────   wake
//!   withdraw from where it still stands
//! ```
//!
//! A wait for one thing without a deadline is not *contested*: whoever takes the waiter out of its
//! queue, under the lock of that, ends the wait. With a deadline, or with several things waited for,
//! two may find it in different places: the first to put its token into `claimed` ends the wait, the
//! others leave it alone.
//!
//! > L22. A wait ends once: by one wake, by its deadline or by shutdown. Whoever ends it has claimed
//! > it, and no wake is lost.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::AtomicUsize;

use crate::exec::deadline::Deadline;
use crate::exec::enter::{Caller, leave};
use crate::exec::park::{go_on, gopark, gopark_then};
use crate::exec::switch::core_of;
use crate::objects::g::{G, Unlock};
use crate::objects::m::M;
use crate::objects::waiter::OPEN;
use crate::objects::waiter::{CANCELLED, TIMED_OUT, Waiter};
use crate::parts::parker::Parker;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// By whoever was waited for.
    Ready,
    /// By its deadline.
    TimedOut,
}

impl Waiter {
    /// For the caller, who is about to wait for one thing, or (`contested`) for several.
    #[inline(always)]
    pub(crate) fn new(caller: Caller, contested: bool, reason: WaitReason) -> Self {
        let (g, core) = match caller {
            Caller::Goroutine(m, g) => {
                let core = core_of(m);
                // SAFETY: the running goroutine is alive.
                unsafe { g.as_ref() }.waits_for(reason, core.coarse());
                (g.as_ptr(), ptr::from_ref(core))
            }
            Caller::Thread => (ptr::null_mut(), ptr::null()),
        };
        Self {
            g,
            core,
            contested: Cell::new(contested),
            claimed: AtomicUsize::new(OPEN),
            parker: Parker::new(),
        }
    }

    /// Parks or blocks until the wake. `unlock(arg, ..)` lets the waker find this waiter, on a
    /// goroutine once its context is saved; when it returns false the wait is over at once. The
    /// caller is inside before and after (a goroutine); its M may be another: the one returned. True:
    /// shutdown has woken it.
    ///
    /// # Safety
    ///
    /// As [`gopark`]; `caller` is the one given to [`new`](Self::new).
    #[inline(always)]
    pub(crate) unsafe fn park<P: Platform>(
        &self,
        caller: Caller,
        unlock: Unlock,
        arg: *mut u8,
    ) -> (Caller, bool) {
        match caller {
            Caller::Goroutine(m, g) => {
                // SAFETY: the caller's promise.
                let (m, cancelled) = unsafe { gopark::<P>(m, g, unlock, arg) };
                (Caller::Goroutine(m, g), cancelled)
            }
            Caller::Thread => {
                // SAFETY: as above; no goroutine is passed on: none of ours looks at it.
                if unsafe { unlock(arg, NonNull::dangling()) } {
                    while !P::park(&self.parker, None) {}
                }
                (caller, false)
            }
        }
    }

    /// Waits, until `deadline` at most (nanoseconds on the platform's clock). `publish` lets wakers
    /// find this waiter: on a goroutine it runs once its context is saved, under the rules of
    /// [`gopark_then`]. `withdraw` takes it out of where it still stands, under the lock of that;
    /// true: nobody else had (where it stands in one place). It is called unless the one waker took it
    /// out. The caller is inside before; left, on return. Does not return when
    /// shutdown ends the wait.
    ///
    /// # Safety
    ///
    /// As [`gopark_then`]; `caller` is the one given to [`new`](Self::new). Whoever takes the waiter
    /// out claims it, and wakes it once if it has won the claim.
    #[inline(always)]
    pub(crate) unsafe fn wait<P: Platform>(
        &self,
        caller: Caller,
        deadline: Option<u64>,
        publish: impl FnOnce(),
        withdraw: impl FnOnce() -> bool,
    ) -> Woken {
        let several = self.contested.get();
        if deadline.is_some() {
            self.contested.set(true);
        }
        let Caller::Goroutine(m, g) = caller else {
            self.block::<P>(deadline, publish);
            return self.outcome(several, withdraw);
        };
        // SAFETY: the caller's promises; a timer is disarmed before its frame goes.
        let (m, cancelled) = unsafe {
            match deadline {
                None => gopark_then::<P, _>(m, g, publish),
                Some(at) => self.park_until::<P>(m, g, at, publish),
            }
        };
        if cancelled {
            // SAFETY: as above.
            return unsafe { self.cancelled::<P>(m, g, several, withdraw) };
        }
        let woken = self.outcome(several, withdraw);
        leave(m);
        woken
    }

    /// The wait is over: how it ended. What is left of it is withdrawn.
    #[inline(always)]
    fn outcome(&self, several: bool, withdraw: impl FnOnce() -> bool) -> Woken {
        let woken = match self.contested.get() && self.winner() == TIMED_OUT {
            true => Woken::TimedOut,
            false => Woken::Ready,
        };
        if several || woken == Woken::TimedOut {
            withdraw();
        }
        woken
    }

    /// # Safety
    ///
    /// As [`wait`](Self::wait).
    #[inline(never)]
    unsafe fn park_until<P: Platform>(
        &self,
        m: &'static M,
        g: NonNull<G>,
        at: u64,
        publish: impl FnOnce(),
    ) -> (&'static M, bool) {
        let deadline = Deadline::new(at, g, claim_late, ptr::from_ref(self).cast());
        let armed = &raw const deadline;
        // SAFETY: it lies on the parked stack, which stays: from when it is armed until it is disarmed
        // nobody frees it.
        unsafe {
            let (m, cancelled) = gopark_then::<P, _>(m, g, move || {
                Deadline::arm::<P>(armed);
                publish();
            });
            if self.winner() != TIMED_OUT {
                deadline.disarm();
            }
            (m, cancelled)
        }
    }

    /// On a thread that is no M.
    #[cold]
    fn block<P: Platform>(&self, deadline: Option<u64>, publish: impl FnOnce()) {
        publish();
        while !P::park(&self.parker, deadline) {
            if deadline.is_some_and(|at| P::now() >= at) {
                if !self.claim(TIMED_OUT) {
                    // The wake is on its way.
                    while !P::park(&self.parker, None) {}
                }
                return;
            }
        }
    }

    /// # Safety
    ///
    /// As [`wait`](Self::wait), inside.
    #[cold]
    unsafe fn cancelled<P: Platform>(
        &self,
        m: &'static M,
        g: NonNull<G>,
        several: bool,
        withdraw: impl FnOnce() -> bool,
    ) -> Woken {
        let late = || super::cancel::await_pending_wake::<P>(m, g);
        if self.contested.get() {
            if !self.claim(CANCELLED) {
                // Somebody has claimed the wait, so the wake is on its way.
                let m = late();
                let woken = self.outcome(several, withdraw);
                leave(m);
                return woken;
            }
            withdraw();
        } else if !withdraw() {
            // Somebody has taken it out: the same.
            leave(late());
            return Woken::Ready;
        }
        leave(m);
        crate::exec::cancel::unwind::<P>(g);
        Woken::Ready
    }
}

/// A timer's claim.
///
/// # Safety
///
/// `waiter` points to a [`Waiter`] that waits or whose timer has yet to be disarmed.
unsafe fn claim_late(waiter: *const ()) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*waiter.cast::<Waiter>()).claim(TIMED_OUT) }
}

/// The end of an operation that has waited, outside, unless it has something in hand: a Goexit that
/// something has swallowed is thrown again.
#[inline(always)]
pub(crate) fn go_on_as<P: Platform>(who: Caller) {
    if let Caller::Goroutine(_, g) = who {
        go_on::<P>(g);
    }
}
