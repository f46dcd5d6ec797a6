//! The wait of a goroutine, or of a thread that is no M, for a wake.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::AtomicUsize;

use super::cancellable;
use super::cancellable::Waited;
use crate::exec::deadline::Deadline;
use crate::exec::inside::{Caller, Inside};
use crate::exec::obey::unwind;
use crate::exec::park::go_on;
use crate::objects::waiter::{CANCELLED, OPEN, TIMED_OUT, Waiter};
use crate::parts::parker::Parker;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// By a waker.
    Ready,
    /// By its deadline.
    TimedOut,
}

impl Waiter {
    /// Returns the waiter of `caller`, which is about to wait for one thing, or (`contested`) for
    /// several.
    #[inline(always)]
    pub(crate) fn new(caller: &Caller, contested: bool, reason: WaitReason) -> Self {
        let (g, core) = match caller {
            Caller::Goroutine(inside) => {
                let core = inside.core();
                inside.g().waits_for(reason, core.coarse());
                (inside.goroutine().as_ptr(), ptr::from_ref(core))
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

    /// Waits, until `deadline` at most (nanoseconds on the platform's clock). `publish` lets wakers find this
    /// waiter: on a goroutine it runs once the context is saved, under the rules of
    /// [`park`](crate::exec::park::park); when it returns false the wait is over at once. `withdraw` must
    /// take the waiter out of where it still stands, under the lock of that, and say whether it stood there
    /// (where it stands in one place); it is called unless the one waker took the waiter out. The caller is
    /// outside on return. Does not return when the end of the run cuts the wait, where goroutines unwind.
    ///
    /// # Safety
    ///
    /// As [`park`](crate::exec::park::park); `caller` must be the one given to [`new`](Self::new). A waker
    /// that takes the waiter out must claim it, and wake it once if it has won the claim.
    #[inline(always)]
    pub(crate) unsafe fn wait<P: Platform>(
        &self,
        caller: Caller,
        deadline: Option<u64>,
        publish: impl FnOnce() -> bool,
        withdraw: impl Fn() -> bool,
    ) -> Woken {
        let several = self.contested.get();
        if deadline.is_some() {
            self.contested.set(true);
        }
        let Caller::Goroutine(inside) = caller else {
            self.block::<P>(deadline, publish);
            return self.outcome(several, withdraw);
        };
        // Contested, the first to claim the wait ends it; else the taking out of the queue decides.
        let take_back = || {
            if self.contested.get() {
                let claimed = self.claim(CANCELLED);
                if claimed {
                    withdraw();
                }
                claimed
            } else {
                withdraw()
            }
        };
        // SAFETY: the one waker wakes this waiter once, as the caller ensures; a timer is disarmed
        // before its frame goes.
        let waited = unsafe {
            match deadline {
                None => cancellable::wait::<P>(inside, publish, take_back),
                Some(at) => self.wait_until::<P>(inside, at, publish, take_back),
            }
        };
        match waited {
            Waited::Woken(inside) => {
                let woken = self.outcome(several, &withdraw);
                inside.leave();
                woken
            }
            Waited::Late(inside) => {
                let contested = self.contested.get();
                let woken = if contested { self.outcome(several, &withdraw) } else { Woken::Ready };
                inside.leave();
                woken
            }
            Waited::Cut(inside) => {
                let (_, g) = inside.leave();
                unwind::<P>(g);
                Woken::Ready
            }
        }
    }

    /// Returns how the wait has ended, and withdraws what is left of it.
    #[inline(always)]
    fn outcome(&self, several: bool, withdraw: impl Fn() -> bool) -> Woken {
        let woken = match self.contested.get() && self.winner() == TIMED_OUT {
            true => Woken::TimedOut,
            false => Woken::Ready,
        };
        if several || woken == Woken::TimedOut {
            withdraw();
        }
        woken
    }

    /// The wait of a goroutine with a deadline; its timer lies in this frame.
    ///
    /// # Safety
    ///
    /// As [`wait`](Self::wait).
    #[inline(never)]
    unsafe fn wait_until<P: Platform>(
        &self,
        inside: Inside,
        at: u64,
        publish: impl FnOnce() -> bool,
        take_back: impl FnOnce() -> bool,
    ) -> Waited {
        let deadline =
            Deadline::new(at, inside.goroutine(), claim_late, ptr::from_ref(self).cast());
        let armed = &raw const deadline;
        // SAFETY: the timer lies on the parked stack, which is not used from when it is armed until it is
        // disarmed.
        unsafe {
            let publish = move || {
                Deadline::arm::<P>(armed);
                publish()
            };
            let disarm = || {
                if self.winner() != TIMED_OUT {
                    deadline.disarm();
                }
            };
            // The end of the run takes the wait back after the timer is out.
            let waited = cancellable::wait::<P>(inside, publish, || {
                disarm();
                take_back()
            });
            if let Waited::Woken(_) = waited {
                disarm();
            }
            waited
        }
    }

    /// The wait of a thread that is no M.
    #[cold]
    fn block<P: Platform>(&self, deadline: Option<u64>, publish: impl FnOnce() -> bool) {
        if !publish() {
            return;
        }
        while !self.parker.park::<P>(deadline) {
            if deadline.is_some_and(|at| P::now() >= at) {
                if !self.claim(TIMED_OUT) {
                    // The wake is under way.
                    while !self.parker.park::<P>(None) {}
                }
                return;
            }
        }
    }

    /// The end of an operation that has waited, outside, unless it has something in hand: a Goexit that
    /// something has swallowed is thrown again.
    #[inline(always)]
    pub(crate) fn go_on<P: Platform>(&self) {
        if let Some(g) = NonNull::new(self.g) {
            go_on::<P>(g);
        }
    }
}

/// A timer's claim: returns whether the timer has won the wait.
///
/// # Safety
///
/// `waiter` must point to a [`Waiter`] that waits, or that has a timer which is still to be
/// disarmed.
unsafe fn claim_late(waiter: *const ()) -> bool {
    // SAFETY: it lives until its timer is disarmed.
    unsafe { (*waiter.cast::<Waiter>()).claim(TIMED_OUT) }
}
