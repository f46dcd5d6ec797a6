//! Idle Ms end: the threads that a burst has needed do not stay (L23).
//!
//! A goroutine that is in C or has locked its thread has an M to itself, and its P goes on under another M. So a
//! thousand calls that block at once start a thousand threads. Afterwards their Ms rest on the idle list, and those
//! that have rested for the keep-alive time ([`Scheduler::keep_alive`](crate::Scheduler::keep_alive)) end.
//!
//! ```text
//!   idle list: last come, first woken            an M's thread
//!   ┌────┬────┬────┬────┬────┐
//!   │ M9 │ M2 │ M7 │ M4 │ M1 │                   asleep, without a deadline of its own
//!   └────┴────┴────┴────┴────┘
//!                        │ has rested the longest, and for long
//!                        ▼ under the lock
//!        sysmon: takes it off the list ──▶ DISMISSED; wakes it
//!                                                │
//!                    no goroutine is bound to it │ one is
//!                     its thread ends, FREE ◀────┴────▶ IDLE again, last of the list; not asked again in this rest
//! ```
//!
//! - *Which.* Wakers take the first of the list, so the last are those that would not be missed. As many idle Ms as
//!   there are Ps stay. So do the Ms that the scheduler has not started (the thread of
//!   [`Scheduler::run`](crate::Scheduler::run), a wired main's, those of foreign threads), the timer leader, the one that
//!   naps, and each M to which goroutines are bound.
//! - *Once.* A waker and sysmon both take an M off the list under the scheduler's lock: it is given a P or is told to
//!   end, never both. One that is dismissed does not count as at rest, so no deadlock is found meanwhile (L12).
//! - *Bound goroutines.* Only the M itself binds goroutines and ends them, so its own thread looks whether one is left,
//!   as at the end of a run. Mail that such a goroutine comes by while its M is dismissed wakes nothing: the M finds it
//!   when it rests again.
//! - *Work.* A waker that would have taken the M finds another one, or starts one; at the limit of Ms there is none, and
//!   the work waits. So an M that has ended, or rests again, looks whether work and a P wait (L11).
//!
//! *Rejected*: a deadline for each M's own sleep. Each rest would arm a timer of the system's, and every M wake to find
//! that it is one of those that stay.

use core::ptr;

use crate::objects::inside::Stay;
use crate::objects::m::{M, MState};
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::parts::nanos::nanos;
use crate::parts::phase;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::Coarse;
use crate::platform::Platform;

/// Ms that one look dismisses at most: sysmon has other things to see to.
const BATCH: usize = 32;
/// Between two looks, nanoseconds, at most and at least.
const PERIOD: u64 = 100_000_000;
const SHORT: u64 = 1_000_000;

impl Core {
    /// Dismisses idle Ms that have rested for long. By sysmon, or by a timer tick.
    pub(crate) fn dismiss_idle_ms<P: Platform>(&self) {
        let (keep_alive, next) = (self.ms.keep_alive, &self.sysmon.next_dismissal);
        // Relaxed: two sysmons would only look twice.
        if keep_alive == u64::MAX || P::now() < next.load(stat_atomic::Ordering::Relaxed) {
            return;
        }
        for _ in 0..BATCH {
            if !self.dismiss_one::<P>(self.procs()) {
                let later = P::now().saturating_add(keep_alive.clamp(SHORT, PERIOD));
                return next.store(later, stat_atomic::Ordering::Relaxed);
            }
        }
    }

    /// Dismisses the M that has rested for the longest, if it has for long, and more than `keep` are idle; returns
    /// whether it has.
    pub(crate) fn dismiss_one<P: Platform>(&self, keep: usize) -> bool {
        let now = P::now();
        let mut sched = self.sched.lock();
        let Some(m) = self.dispensable(&sched, keep).filter(|m| self.left(m, now) == 0) else {
            return false;
        };
        sched.idle_ms.remove(m);
        sched.set_state(m, MState::Dismissed);
        drop(sched);
        m.parker.unpark::<P>();
        true
    }

    /// Returns when the next M may be dismissed, nanoseconds, if none wakes or comes to rest before; `u64::MAX` if
    /// none may.
    pub(crate) fn dismissal_due<P: Platform>(&self) -> u64 {
        if self.ms.keep_alive == u64::MAX {
            return u64::MAX;
        }
        let now = P::now();
        let sched = self.sched.lock();
        let Some(m) = self.dispensable(&sched, self.procs()) else { return u64::MAX };
        let due = now.saturating_add(self.left(m, now));
        due.max(self.sysmon.next_dismissal.load(stat_atomic::Ordering::Relaxed))
    }

    /// Returns for how long idle `m` must not be dismissed yet, nanoseconds. The lock must be held.
    fn left(&self, m: &M, now: u64) -> u64 {
        // SAFETY: under the lock.
        let rested = unsafe { m.links.rested.get() }.until(Coarse::of(now));
        self.ms.keep_alive.saturating_sub(nanos(rested))
    }

    /// Returns whether the thread of the calling M, which is dismissed, ends. Else the M is idle again, and has to
    /// look once more at what might wake it.
    #[cold]
    pub(super) fn may_be_dismissed<P: Platform>(&'static self, stay: &Stay) -> bool {
        let m = stay.m();
        if !self.has_bound_g(m) {
            return true;
        }
        let mut sched = self.sched.lock();
        sched.idle_ms.push_back(m);
        sched.set_state(m, MState::Idle);
        // SAFETY: under the lock.
        unsafe { m.links.needed.set(true) };
        drop(sched);
        self.replace_m::<P>();
        false
    }

    /// Returns the idle M that has rested for the longest, of those whose threads may end, if there are more than
    /// `keep`. After a halt none is idle, whatever the list says.
    fn dispensable(&self, sched: &SchedState, keep: usize) -> Option<&'static M> {
        let all_stay = sched.idle_ms.iter_back().nth(keep).is_none();
        if all_stay || self.phase() == phase::HALTED {
            return None;
        }
        sched.idle_ms.iter_back().find(|m| {
            // SAFETY: under the lock.
            let (may_end, naps) = unsafe {
                (m.links.has_own_thread.get() && !m.links.needed.get(), m.links.napping.get())
            };
            may_end && !naps && !ptr::eq(sched.timer_leader, *m)
        })
    }
}
