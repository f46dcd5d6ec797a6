//! Giving a P away: the M that gets it is looked for by the giver.

use g0_arch::sync::atomic::Ordering;

use super::next::Next;
use crate::objects::inside::{FreeP, Stay};
use crate::objects::shared::Core;
use crate::platform::Platform;

/// What has become of a P that was handed off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandedOff {
    /// An M has got it.
    ToAnM,
    /// No M can be had: it is idle.
    Idle,
    /// It was one too many: no M was looked for.
    Retired,
}

impl Core {
    /// Finds an M for `p`: the first of the P wait queue or, by turns, if Gs are queued, an idle or a new
    /// one.
    ///
    /// It may start a thread: the caller must be on g0 or a thread's own stack.
    pub(crate) fn hand_off<P: Platform>(&'static self, p: FreeP) -> HandedOff {
        let _ = self.expose_next(&p);
        p.counts.hand_offs.add(1);
        if !self.is_wanted(&p) {
            // It may be wanted again by now, and have gone to an M that waits.
            self.free_p(p).unpark::<P>();
            self.wake::<P>();
            self.wake_sysmon::<P>();
            return HandedOff::Retired;
        }
        let runnable = self.demand_for(&p).by_queues();
        let mut sched = self.sched.lock();
        // Ms that wait for a P are in the middle of a goroutine and may go on with it for long: every
        // other time what is queued has its turn.
        sched.queues_turn = runnable && !sched.queues_turn;
        if !sched.queues_turn && self.has_p_waiters() {
            let wake = self.put_p(&mut sched, p);
            drop(sched);
            wake.unpark::<P>();
            return HandedOff::ToAnM;
        }
        let Some(assigned) = self.assign_m::<P>(sched, p, false) else {
            // The P is idle, and no M looks after its timers.
            self.wake_sysmon::<P>();
            return HandedOff::Idle;
        };
        if self.launch::<P>(assigned) { HandedOff::ToAnM } else { HandedOff::Idle }
    }

    /// Lets another M have the calling M's P with all that is queued, and puts the calling one at rest if
    /// there is one. Returns how it must wait; `None`: it goes on, for there is no other M, or mail has come.
    pub(crate) fn make_way<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        match self.hand_off::<P>(stay.disown()) {
            HandedOff::ToAnM => self.rest_without_p::<P>(stay),
            HandedOff::Idle | HandedOff::Retired => None,
        }
    }

    /// Gives up the calling M's P, for which it has no use, and will not be back: the P goes to an M that
    /// has.
    ///
    /// No fence here: a publisher may have seen no idle P just before, and sysmon looks for that at its next
    /// look. It has one: this P was owned until now.
    pub(crate) fn leave_p<P: Platform>(&'static self, stay: &mut Stay) {
        let p = stay.disown();
        let work = self.demand_for(&p).by_goroutines();
        if work {
            self.hand_off::<P>(p);
            return;
        }
        let handed = self.free_p(p).unpark::<P>();
        if !handed {
            self.sysmon.unchecked.store(true, Ordering::Relaxed);
            self.wake_sysmon::<P>();
        }
    }
}
