//! Starting threads for Ms that have been given a P (L10).
//!
//! > **L10** Where a watcher runs, it alone starts threads: it has run no goroutine, so what a locked one
//! > has changed of its own thread is inherited by none.

use g0_arch::sync::atomic::Ordering;

use super::hand::WakeM;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

/// An M that has been given a P, and must be launched.
#[must_use = "an M that was given a P must be launched (L3)"]
pub(super) enum Assigned {
    /// It sleeps.
    Idle(WakeM),
    /// It has no thread yet.
    New(&'static M),
}

impl Core {
    /// Lets an M that has been given a P run; returns false when it cannot. The lock must not be held.
    pub(super) fn launch<P: Platform>(&'static self, assigned: Assigned) -> bool {
        let m = match assigned {
            Assigned::Idle(wake) => {
                self.wake_sysmon::<P>();
                return wake.unpark::<P>();
            }
            Assigned::New(m) => m,
        };
        if P::WATCHED {
            let mut sched = self.sched.lock();
            // Under the lock: the watcher, which drops all orders when the scheduler has halted, sees this one.
            let watched = self.phase() != phase::HALTED;
            if watched {
                sched.request_start(m);
            }
            drop(sched);
            if watched {
                self.sysmon.parker.unpark::<P>();
            } else {
                self.forgo::<P>(m);
            }
            return watched;
        }
        self.wake_sysmon::<P>();
        self.start::<P>(m)
    }

    /// Starts the threads that are ordered. Only the watcher may call it, whose thread runs nothing else
    /// (L10). Returns false when there is no thread at all, nor has been any: nothing will ever run.
    pub(crate) fn start_requested<P: Platform>(&'static self) -> bool {
        loop {
            let m = self.sched.lock().take_start_request();
            let Some(m) = m else { return true };
            if !self.start::<P>(m)
                && self.ms.live.load(Ordering::Acquire) == 0
                && !self.ms.has_started.load(Ordering::Relaxed)
            {
                return false;
            }
        }
    }

    /// Drops the orders of a scheduler that has halted.
    pub(crate) fn cancel_start_requests(&'static self) {
        loop {
            let m = self.sched.lock().take_start_request();
            let Some(m) = m else { return };
            self.retire_m(m);
        }
    }

    fn start<P: Platform>(&'static self, m: &'static M) -> bool {
        // SAFETY: prepared, and without a thread; by the watcher, where there is one.
        let started = unsafe { P::start(m) }.is_ok();
        // Relaxed: the watcher looks again and again.
        self.ms.start_refused.store(!started, Ordering::Relaxed);
        if !started {
            // Work goes on with the Ms there are.
            self.forgo::<P>(m);
        }
        started
    }

    /// `m`, which has been given a P, is not started.
    fn forgo<P: Platform>(&'static self, m: &'static M) {
        // SAFETY: the M was not started, so its fields are still the caller's.
        if unsafe { m.spin.searching.replace(false) } {
            self.work.hunger.sub_searching();
        }
        self.take_back_p::<P>(m);
        self.retire_m(m);
    }
}
