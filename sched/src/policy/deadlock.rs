//! Whether anything can ever run again (L12).
//!
//! > **L12** A deadlock is reported only when all Ms are at rest (none runs, is about to start, is in a
//! > foreign call, or was evicted), no goroutine is runnable, no timer is armed, and nothing outside can
//! > wake a goroutine that waits.
//!
//! *At rest* is an M that sleeps without a P, on the idle list or for its own goroutine; the scheduler
//! counts them under its lock, as they change their state. An M that runs, is in a foreign call or
//! computes without a P (evicted), waits for a P, or has been given one and has yet to start, is not
//! at rest. So the count decides alone as far as Ms go; what else could wake a goroutine is:
//!
//! | waker | how it is known |
//! |---|---|
//! | a timer | a P has a deadline |
//! | a thread that is no M and fires timers, or a timer tick in the middle of it | `watching` |
//! | an M at rest that has yet to see what was published | that goroutine is RUNNABLE |
//! | an interrupt handler, a reactor: by a handle or a waker | a goroutine that waits for its token, and whose count is not 0 |
//! | a thread that is no M, by a channel, a lock, a handle | `Reports::external_wakers` |
//!
//! A goroutine that is in a queue, while all Ms there may be are at rest for goroutines of their own, does not
//! count as runnable: it lacks an M for ever.
//!
//! The last M to rest looks, or lets sysmon look; the look takes the lock and goes through all
//! goroutines. That is dear, but an M that comes so far is alone in the program or almost sure to report.

use g0_arch::sync::atomic::{Ordering, fence};

use crate::objects::config::Deadlock;
use crate::objects::g::status;
use crate::objects::report::DeadlockReport;
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::parts::phase;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Something can run.
    Alive,
    /// Nothing can, but there are threads that may wake a goroutine.
    ExternalWakers,
    /// Nothing can.
    Dead,
}

impl Core {
    /// Sees to a look for a deadlock if the caller was the last M awake: it is about to sleep without a
    /// deadline, or its thread ends. It must be on g0 or a thread's own stack; the lock must not be held.
    pub(crate) fn check_for_deadlock<P: Platform>(&'static self) {
        if self.deadlock.mode == Deadlock::Ignore || !self.all_idle() {
            return;
        }
        if P::WATCHED {
            // Awake, it looks before it sleeps.
            self.wake_sysmon::<P>();
        } else {
            self.report_deadlock::<P>();
        }
    }

    /// Reports a deadlock if there is one; returns what the look has found.
    pub(crate) fn report_deadlock<P: Platform>(&'static self) -> Look {
        let look = self.look_for_deadlock::<P>();
        // Two threads may look at the same time, and see the same: one says so. Relaxed: the program ends
        // with it.
        if look == Look::Dead && !self.deadlock.reported.swap(true, Ordering::Relaxed) {
            let report = DeadlockReport::new(self, P::now());
            // SAFETY: on g0 or by sysmon, with no lock held.
            unsafe { P::deadlock(&report) };
            P::fatal(&report.fatal());
        }
        look
    }

    /// Looks whether anything can ever run again. The lock must not be held.
    pub(crate) fn look_for_deadlock<P: Platform>(&'static self) -> Look {
        if self.deadlock.mode == Deadlock::Ignore || !self.nothing_moves(&self.sched.lock()) {
            return Look::Alive;
        }
        if self.deadlock.mode == Deadlock::Auto {
            // Its own threads: Ms, and those that serve it otherwise.
            let own = self.ms.live.load(Ordering::Relaxed)
                + self.deadlock.service_threads.load(Ordering::Relaxed);
            // SAFETY: on g0 or by sysmon, with no lock held.
            if unsafe { P::external_wakers(own) } {
                return Look::ExternalWakers;
            }
        }
        // Again, for an M may have come back meanwhile.
        if self.nothing_is_to_come() { Look::Dead } else { Look::Alive }
    }

    /// Returns whether nothing moves, and nothing that the scheduler knows of will.
    fn nothing_is_to_come(&self) -> bool {
        let sched = self.sched.lock();
        self.nothing_moves(&sched) && self.no_wake_is_due(&sched)
    }

    /// Returns whether all Ms are at rest and nothing wakes them by itself.
    fn nothing_moves(&self, sched: &SchedState) -> bool {
        // Relaxed: what Ms change they change before they come to rest, under the lock.
        let rests = self.phase() == phase::OPEN
            && self.all_idle()
            && sched.resting() == self.ms.live.load(Ordering::Relaxed)
            && (sched.global.is_empty() || sched.lacks_ms())
            && self.next_deadline() == u64::MAX;
        if !rests {
            return false;
        }
        // After the deadlines, which the fence sees to: a thread that has taken a timer out before is
        // counted, or has made its goroutine runnable.
        fence(Ordering::Acquire);
        if self.deadlock.watching.load(Ordering::Acquire) == 0 {
            return true;
        }
        // A thread that watches looks again when it is done; one that is done already has not seen that it
        // must:
        //
        //   here                             unwatch
        //   look_again := true               watching -= 1
        //   fence                            fence
        //   load watching                    load look_again
        self.deadlock.look_again.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.deadlock.watching.load(Ordering::Acquire) == 0
    }

    /// Returns whether nothing can run again, unless a thread that the scheduler knows nothing of wakes a goroutine.
    /// The lock must not be held.
    pub(super) fn waits_for_strangers<P: Platform>(&'static self) -> bool {
        self.look_for_deadlock::<P>() == Look::ExternalWakers && self.nothing_is_to_come()
    }

    /// Returns whether no goroutine is runnable, but for those that lack an M, and none can be woken by a
    /// handle.
    fn no_wake_is_due(&self, sched: &SchedState) -> bool {
        let lacks_ms = sched.lacks_ms();
        !self.all_goroutines().any(|g| {
            // SAFETY: registered Gs live as long as the scheduler.
            let this = unsafe { g.as_ref() };
            match this.status.load(Ordering::Relaxed) {
                status::RUNNABLE => !lacks_ms || !this.bound.look().is_null(),
                status::PARKED => {
                    let (reason, _) = this.waiting();
                    matches!(reason, WaitReason::Park | WaitReason::Future)
                        && this.refs.load(Ordering::Acquire) != 0
                }
                _ => false,
            }
        })
    }

    /// Counts the caller, a thread that is no M, as one that makes goroutines ready, until it calls
    /// [`unwatch`](Self::unwatch).
    pub(crate) fn watch(&self) {
        self.deadlock.watching.fetch_add(1, Ordering::AcqRel);
    }

    /// Undoes a [`watch`](Self::watch), and looks for a deadlock if an M has left that to the caller.
    pub(crate) fn unwatch<P: Platform>(&'static self) {
        // Release: a thread that finds none watching sees what was made ready.
        self.deadlock.watching.fetch_sub(1, Ordering::AcqRel);
        // Pairs with the fence in `nothing_moves`.
        fence(Ordering::SeqCst);
        if self.deadlock.look_again.load(Ordering::Relaxed)
            && self.deadlock.look_again.swap(false, Ordering::AcqRel)
        {
            self.check_for_deadlock::<P>();
        }
    }
}
