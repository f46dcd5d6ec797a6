//! Which Ms sleep, and what brings one back (L3, L11).
//!
//! An M *at rest* has no P and sleeps, or is about to, until a waker has something for it: on the idle
//! list, where any waker finds it, or apart from it, where only mail for the M itself does.

use super::hand::{Got, hand, own};
use super::napper::{NapEnds, nap_ends};
use crate::objects::inside::Stay;
use crate::objects::m::{M, MState};
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::platform::Platform;

/// What an M at rest waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestFor {
    /// Any G: it is on the idle list.
    AnyG,
    /// Any G but those that are queued now, which are left to another M: it is on the idle list.
    OtherGs,
    /// Gs that are bound to it.
    OwnG,
}

/// What became of the P of an M that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// The first M of the P wait queue has it.
    Handed,
    /// It is idle: whatever was published before must be looked for once more.
    Idle,
}

/// What an M at rest that wants a P does when none is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoIdleP {
    /// It waits for one: only this M can do what there is to do.
    Queue,
    /// It stays at rest: the Ms that have the Ps do it.
    StayAtRest,
}

impl Core {
    /// Frees the calling M's P and puts the M at rest. Returns `None` when the global queue has filled
    /// meanwhile and the M waits for any G: then nothing has changed (L11).
    pub(super) fn rest<P: Platform>(&self, stay: &mut Stay, rest_for: RestFor) -> Option<Rest> {
        let mut sched = self.sched.lock();
        let own_g = rest_for == RestFor::OwnG;
        if rest_for == RestFor::AnyG && !sched.global.is_empty() {
            return None;
        }
        let wake = self.put_p(&mut sched, stay.disown());
        if (own_g || wake.is_none()) && !self.config.symmetric {
            // The caller passes it next.
            self.stats.heavy_fences.add_shared(1);
        }
        self.lie_down(&mut sched, stay.m(), rest_for);
        drop(sched);
        Some(if wake.unpark::<P>() { Rest::Handed } else { Rest::Idle })
    }

    /// Puts the calling M, which has no P, at rest.
    pub(super) fn mark_resting(&self, stay: &Stay, rest_for: RestFor) {
        self.lie_down(&mut self.sched.lock(), stay.m(), rest_for);
    }

    /// Takes the calling M, which is at rest, back without a P; returns false when it has been given one
    /// meanwhile, or been told to end.
    pub(super) fn unmark_resting(&self, stay: &Stay) -> bool {
        let m = stay.m();
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        match unsafe { m.links.state.get() } {
            MState::Idle => sched.idle_ms.remove(m),
            MState::AwaitsOwnG => {}
            MState::Busy | MState::WaitsForP | MState::Dismissed | MState::Free | MState::Kept => {
                return false;
            }
        }
        nap_ends(m, NapEnds::WithoutP);
        sched.set_state(m, MState::Busy);
        true
    }

    /// Takes the calling M, which is at rest and has found a reason not to sleep, back with a P. Returns
    /// `Got::Queued` when it must sleep after all, but in the P wait queue, or has been given a P already or
    /// been told to end; `None` when it stays at rest.
    pub(super) fn stop_resting<'s, P: Platform>(
        &self,
        stay: &'s mut Stay,
        no_idle_p: NoIdleP,
    ) -> Option<Got<'s>> {
        let m = stay.m();
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        let state = unsafe { m.links.state.get() };
        if !state.is_rest() {
            return Some(Got::Queued);
        }
        let p = self.take_p(&mut sched);
        if p.is_none() && no_idle_p == NoIdleP::StayAtRest {
            return None;
        }
        if state == MState::Idle {
            sched.idle_ms.remove(m);
        }
        let Some(p) = p else {
            self.wait_for_a_p(&mut sched, m);
            return Some(Got::Queued);
        };
        nap_ends(m, NapEnds::WithP);
        sched.set_state(m, MState::Busy);
        drop(sched);
        let within = own::<P>(stay, p);
        self.wake_sysmon::<P>();
        Some(Got::Proc(within))
    }

    /// Wakes `m`, which sleeps and has mail, with a P, or puts it into the P wait queue.
    pub(super) fn wake_bound<P: Platform>(&self, m: &'static M) {
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        let state = unsafe { m.links.state.get() };
        if !state.is_rest() {
            return; // another waker has woken it, it waits for a P, or it has been told to end and looks itself
        }
        if state == MState::Idle {
            sched.idle_ms.remove(m);
        }
        match self.take_p(&mut sched) {
            Some(p) => {
                let wake = hand(&mut sched, m, p);
                drop(sched);
                self.wake_sysmon::<P>();
                wake.unpark::<P>();
            }
            None => {
                self.wait_for_a_p(&mut sched, m);
            }
        }
    }

    /// Moves `m` to the state of an M at rest.
    fn lie_down(&self, sched: &mut SchedState, m: &'static M, rest_for: RestFor) {
        let state = match rest_for {
            RestFor::OwnG => MState::AwaitsOwnG,
            RestFor::AnyG | RestFor::OtherGs => {
                sched.idle_ms.push_front(m);
                MState::Idle
            }
        };
        sched.set_state(m, state);
        // SAFETY: under the lock.
        unsafe {
            m.links.rested.set(self.coarse());
            m.links.needed.set(false);
        }
    }
}
