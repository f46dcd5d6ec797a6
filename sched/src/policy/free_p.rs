//! Which M gets a free P: the P wait queue and the idle list.
//!
//! > **L11** While a P is idle no M waits for one, and no goroutine stays runnable that an M at rest
//! > may run, `runnext` included.

use core::sync::atomic::Ordering::Relaxed;

use g0_arch::sync::atomic::{Ordering, fence};

use super::hand::{WakeM, hand, own, take_nextp};
use super::napper::{NapEnds, nap_ends};
use crate::objects::inside::{FreeP, Stay};
use crate::objects::m::{M, MState};
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::platform::Platform;

/// How many callbacks give their P up at their end after one has been sought.
pub(super) const SOUGHT: usize = 1_000;

impl Core {
    /// Puts `p` to use: the first M of the P wait queue gets it, else it is idle; a P that is not wanted
    /// retires.
    pub(super) fn put_p(&self, sched: &mut SchedState, p: FreeP) -> WakeM {
        if !self.is_wanted(&p) {
            self.retire(sched, p);
            return WakeM::NONE;
        }
        if let Some(m) = self.next_p_waiter(sched) {
            return hand(sched, m, p);
        }
        let p = p.into_proc();
        // SAFETY: an idle P's link is under the lock.
        unsafe { p.links.idle.set(sched.idle_ps) };
        sched.idle_ps = p;
        self.work.hunger.add_idle();
        WakeM::NONE
    }

    /// As [`put_p`](Self::put_p), without the lock held.
    pub(super) fn free_p(&self, p: FreeP) -> WakeM {
        self.put_p(&mut self.sched.lock(), p)
    }

    /// As [`free_p`](Self::free_p), with the wake. Of a P that is idle now sysmon must know: it has timers,
    /// perhaps.
    pub(crate) fn release_p<P: Platform>(&self, p: FreeP) {
        if !self.free_p(p).unpark::<P>() {
            self.wake_sysmon::<P>();
        }
    }

    /// Takes a P from the idle list.
    pub(super) fn take_p(&self, sched: &mut SchedState) -> Option<FreeP> {
        // SAFETY: Ps live as long as the scheduler.
        let p: &'static Proc = unsafe { sched.idle_ps.as_ref()? };
        // SAFETY: an idle P's link is under the lock.
        sched.idle_ps = unsafe { p.links.idle.get() };
        self.work.hunger.sub_idle(1);
        // SAFETY: no M owned it while it was on the list, which it has just left.
        Some(unsafe { FreeP::assume(p) })
    }

    /// Puts `m` at the end of the P wait queue.
    pub(super) fn wait_for_a_p(&self, sched: &mut SchedState, m: &'static M) {
        // No P is idle, so none need be looked for work for.
        nap_ends(m, NapEnds::WithoutP);
        sched.p_wait_queue.push_back(m);
        self.work.p_waiters.fetch_add(1, Relaxed);
        // Threads that rest keep none from now on.
        self.foreign.sought.store(SOUGHT, Relaxed);
        sched.set_state(m, MState::WaitsForP);
    }

    /// Takes the first M out of the P wait queue.
    fn next_p_waiter(&self, sched: &mut SchedState) -> Option<&'static M> {
        let first = sched.p_wait_queue.pop_front()?;
        self.work.p_waiters.fetch_sub(1, Relaxed);
        Some(first)
    }

    /// Makes the P that `nextp` names the calling M's own. `nextp` must be set: the M has waited for it.
    pub(crate) fn woken<P: Platform>(&self, stay: &mut Stay) {
        let m = stay.m();
        own::<P>(stay, take_nextp(m));
        // As in `want_p`, where the wake of sysmon has it: an M that looks for a P sees whose this one is, or the
        // owner, when it rests, that one is sought.
        fence(Ordering::SeqCst);
    }

    /// Hands the calling M's P to the first M of the P wait queue; returns false, with nothing done, when
    /// no M waits.
    pub(super) fn serve_p_wait_queue<P: Platform>(&self, stay: &mut Stay) -> bool {
        let mut sched = self.sched.lock();
        let Some(first) = self.next_p_waiter(&mut sched) else { return false };
        let wake = hand(&mut sched, first, stay.disown());
        drop(sched);
        wake.unpark::<P>();
        true
    }

    /// Frees the P that `m` was given, which could not be started.
    pub(super) fn take_back_p<P: Platform>(&self, m: &'static M) {
        self.release_p::<P>(take_nextp(m));
    }
}
