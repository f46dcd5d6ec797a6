//! The *timer leader*: of the Ms at rest the one that sleeps until the next deadline of all Ps.

use core::ptr;

use crate::objects::inside::Stay;
use crate::objects::m::MState;
use crate::objects::p::Proc;
use crate::objects::shared::Core;

impl Core {
    /// Returns the next deadline of all Ps, nanoseconds; `u64::MAX` without timers.
    pub(crate) fn next_deadline(&self) -> u64 {
        self.config.procs.iter().map(|p| p.timers.due()).min().unwrap_or(u64::MAX)
    }

    /// Returns the next deadline of all Ps for an M that is about to sleep. If nothing else runs, those of disarmed
    /// timers are forgotten before: no M would wake for one in vain, nor a deadlock be found only then. While
    /// anything runs it is as likely to arm and disarm the next, and the M does not take the locks for it.
    pub(super) fn deadline_to_sleep_until(&self) -> u64 {
        if self.all_idle() {
            let armed_once = |p: &&Proc| p.timers.due() != u64::MAX;
            self.config.procs.iter().filter(armed_once).for_each(|p| p.timers.refresh());
        }
        self.next_deadline()
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

    /// Ends the leadership of the calling M, awake without a P, if it has it. An M that led and then slept
    /// without a deadline would keep all other Ms from the role. Returns how it stands, and whether it naps.
    pub(super) fn resign_leader(&self, stay: &Stay) -> (MState, bool) {
        let mut sched = self.sched.lock();
        sched.resign_leader(stay.m());
        // SAFETY: under the lock.
        unsafe { (stay.m().links.state.get(), stay.m().links.napping.get()) }
    }

    /// Returns whether an M at rest sleeps until the next deadline, or there is none.
    pub(crate) fn has_timer_leader(&self) -> bool {
        let sched = self.sched.lock();
        sched.leader_deadline <= self.next_deadline()
    }
}
