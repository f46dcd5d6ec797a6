//! Where Ms come from, and where they go: an M is never freed, only used again.

use core::sync::atomic::Ordering::Relaxed;

use g0_arch::sync::MutexGuard;
use g0_arch::sync::atomic::Ordering;

use super::homes::QUOTA;
use crate::objects::m::{M, MState};
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;

impl Core {
    /// Returns an M for the calling thread, which is none yet.
    pub(crate) fn first_m(&'static self) -> Option<&'static M> {
        let m = self.extra_m()?;
        self.ms.live.fetch_add(1, Relaxed);
        Some(m)
    }

    /// Returns an M to be an extra one, for good. It is not counted among those that have been started.
    pub(crate) fn extra_m(&'static self) -> Option<&'static M> {
        let mut sched = self.sched.lock();
        match sched.free_ms.pop_front() {
            Some(m) => {
                sched.set_state(m, MState::Busy);
                // SAFETY: under the lock.
                unsafe { m.links.has_own_thread.set(false) };
                Some(m)
            }
            None => self.unused_m(sched),
        }
    }

    /// Returns an M that has never run, made without the lock held, or `None` if there is none.
    pub(super) fn unused_m(
        &'static self,
        mut sched: MutexGuard<'_, SchedState>,
    ) -> Option<&'static M> {
        let m = match self.config.machines.get(sched.used_ms) {
            Some(m) => {
                sched.used_ms += 1;
                drop(sched);
                m
            }
            None => {
                drop(sched);
                (self.config.more.0)()?
            }
        };
        if m.taken.swap(true, Ordering::AcqRel) {
            return None; // another scheduler's
        }
        self.adopt(m);
        let mut sched = self.sched.lock();
        sched.ms += 1;
        // SAFETY: under the lock.
        unsafe {
            m.links.id.set(sched.ms);
            m.links.all.set(sched.all_ms);
        }
        sched.all_ms = m;
        Some(m)
    }

    /// Prepares `m`, which is unused, for [`crate::start_m`].
    fn adopt(&'static self, m: &'static M) {
        // SAFETY: no other thread knows this M yet.
        unsafe {
            m.core.set(self);
            m.symmetric.set(self.config.symmetric);
            m.migrating.set(self.config.mobility.migrates());
            m.locks_at_start.set(self.config.mobility.locks_at_start());
        }
        if self.spreads() {
            m.load.set_quota(QUOTA);
        }
    }

    /// Takes `m` back, which could not be started or has ended without a P: it may be used again.
    pub(crate) fn retire_m(&self, m: &'static M) {
        let mut sched = self.sched.lock();
        sched.set_state(m, MState::Free);
        sched.free_ms.push_front(m);
        sched.out_of_ms = false;
        // Under the lock: a waker that has found no room has put its P on the idle list by now, where a caller
        // that looks for work next sees it.
        self.ms.live.fetch_sub(1, Ordering::AcqRel);
        drop(sched);
    }
}
