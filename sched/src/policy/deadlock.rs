//! Whether anything can ever run again (L12).
//!
//! > **L12** A deadlock is reported only when no M is under way, none is ordered or in a foreign call,
//! > none was evicted, no goroutine is runnable and no timer armed; and when nobody outside can wake
//! > one that waits.
//!
//! *At rest* is an M that sleeps without a P, on the idle list or for its own goroutine; the scheduler
//! counts them under its lock, as they change their state. An M that runs, is in a foreign call or
//! computes without a P (evicted), stands in line, or has been given a P and has yet to start, is not
//! at rest. So the count decides alone as far as Ms go; what else could wake a goroutine is:
//!
//! | who | how it is known |
//! |---|---|
//! | a timer | a P has a deadline |
//! | whoever fires timers, or a timer tick in the middle of it | `watching` |
//! | an M at rest that has yet to see what was published | that goroutine is RUNNABLE |
//! | an interrupt handler, a reactor: by a handle or a waker | a goroutine that waits for its token, and whose count is not 0 |
//! | a thread that is no M, by a channel, a lock, a handle | [`Platform::external_wakers`] |
//!
//! The last to rest looks, or lets sysmon look; the look takes the lock and goes through all
//! goroutines. That is dear, but who comes so far is alone in the program or almost sure to report.

use core::ptr::NonNull;

use g0_arch::sync::atomic::{Ordering, fence};

use crate::objects::config::Deadlock;
use crate::objects::g::status;
use crate::objects::report::DeadlockReport;
use crate::objects::sched_state::SchedState;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Something can run.
    Alive,
    /// Nothing can, but there are outsiders.
    ExternalWakers,
    /// Nothing can.
    Dead,
}

impl Core {
    /// The calling M, or one whose thread ends, sleeps without a deadline. If it was the last, somebody
    /// looks for a deadlock. On g0 or a thread's own stack, no lock held.
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

    /// Reports a deadlock if there is one.
    pub(crate) fn report_deadlock<P: Platform>(&'static self) -> Look {
        let look = self.look_for_deadlock::<P>();
        // Two may look at the same time, and see the same: one says so. Relaxed: the program ends with it.
        if look == Look::Dead && !self.deadlock.reported.swap(true, Ordering::Relaxed) {
            P::deadlock(&DeadlockReport::new(self, P::now()));
        }
        look
    }

    /// Looks whether anything can ever run again. No lock held.
    pub(crate) fn look_for_deadlock<P: Platform>(&'static self) -> Look {
        if self.deadlock.mode == Deadlock::Ignore || !self.nothing_moves(&self.sched.lock()) {
            return Look::Alive;
        }
        if self.deadlock.mode == Deadlock::Auto {
            // Its own threads: Ms, and those that serve it otherwise.
            let own = self.ms.live.load(Ordering::Relaxed)
                + self.deadlock.service_threads.load(Ordering::Relaxed);
            if P::external_wakers(own) {
                return Look::ExternalWakers;
            }
        }
        // Again, for meanwhile somebody may have come.
        let sched = self.sched.lock();
        if self.nothing_moves(&sched) && self.no_wake_is_due() { Look::Dead } else { Look::Alive }
    }

    /// Whether all Ms are at rest and nothing wakes them by itself.
    fn nothing_moves(&self, sched: &SchedState) -> bool {
        // Relaxed: what Ms change they change before they come to rest, under the lock.
        let rests = self.phase() == phase::OPEN
            && self.all_idle()
            && sched.resting() == self.ms.live.load(Ordering::Relaxed)
            && sched.global.is_empty()
            && self.next_deadline() == u64::MAX;
        if !rests {
            return false;
        }
        // After the deadlines, which the fence sees to: who has taken a timer out before is counted, or
        // has made its goroutine runnable.
        fence(Ordering::Acquire);
        if self.deadlock.watching.load(Ordering::Acquire) == 0 {
            return true;
        }
        // Whoever watches looks again when done; who has been done meanwhile has not seen that it should:
        //
        //   here                             unwatch
        //   look_again := true               watching -= 1
        //   fence                            fence
        //   load watching                    load look_again
        self.deadlock.look_again.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.deadlock.watching.load(Ordering::Acquire) == 0
    }

    /// Whether no goroutine is runnable, and none can be woken by a handle. Under the lock.
    fn no_wake_is_due(&self) -> bool {
        let mut at = self.gs.all.load(Ordering::Acquire);
        while let Some(g) = NonNull::new(at) {
            // SAFETY: registered Gs live as long as the scheduler; the link is written once, before.
            let (this, next) = unsafe { (g.as_ref(), g.as_ref().all.get()) };
            at = next;
            let woken = match this.status.load(Ordering::Relaxed) {
                status::RUNNABLE => true,
                status::PARKED => {
                    let (reason, _) = this.waiting();
                    matches!(reason, WaitReason::Park | WaitReason::Future)
                        && this.refs.load(Ordering::Acquire) != 0
                }
                _ => false,
            };
            if woken {
                return false;
            }
        }
        true
    }

    /// From now on, until [`unwatch`](Self::unwatch), the caller, who is no M, may make goroutines ready.
    pub(crate) fn watch(&self) {
        self.deadlock.watching.fetch_add(1, Ordering::AcqRel);
    }

    /// Undoes a [`watch`](Self::watch).
    pub(crate) fn unwatch<P: Platform>(&'static self) {
        // Release: what was made ready is seen by whoever finds nobody watching.
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
