//! The *timer leader*: of the Ms at rest the one that sleeps until the next deadline of all Ps.

use core::ptr;

use crate::objects::inside::Stay;
use crate::objects::shared::Core;

impl Core {
    /// Returns the next deadline of all Ps, nanoseconds; `u64::MAX` without timers.
    pub(crate) fn next_deadline(&self) -> u64 {
        self.config.procs.iter().map(|p| p.timers.due()).min().unwrap_or(u64::MAX)
    }

    /// Makes the calling M, which is at rest, the one that sleeps until `deadline`. Returns false when it is
    /// at rest no more, or another M sleeps until then already.
    pub(super) fn lead_timers(&self, stay: &Stay, deadline: u64) -> bool {
        let m = stay.m();
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        let rests = unsafe { m.links.state.get() }.is_rest();
        let kept = sched.leader_deadline <= deadline && !ptr::eq(sched.timer_leader, m);
        if !rests || kept {
            return false;
        }
        (sched.timer_leader, sched.leader_deadline) = (m, deadline);
        true
    }

    /// Ends the leadership of the calling M, at rest and awake, if it has it. An M that led and then slept
    /// without a deadline would keep all other Ms from the role.
    pub(super) fn resign_leader(&self, stay: &Stay) {
        self.sched.lock().resign_leader(stay.m());
    }

    /// Returns whether an M at rest sleeps until the next deadline, or there is none.
    pub(crate) fn has_timer_leader(&self) -> bool {
        let sched = self.sched.lock();
        sched.leader_deadline <= self.next_deadline()
    }
}
