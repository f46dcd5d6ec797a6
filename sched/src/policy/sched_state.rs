//! Who gets a free P, and who sleeps: the state under the scheduler's one lock.
//!
//! > **L3** The P is given before the wake. **L11** A free P is never idle while an M stands in
//! > line, or while the global queue holds a G. **L13** The global queue changes only under the
//! > lock.
//!
//! Each function that may free a thread returns the M to unpark; it is unparked after the lock is
//! released, so that no system call happens under it.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use g0_arch::sync::atomic::Ordering;

use crate::objects::m::{M, MState};
use crate::objects::p::Proc;
use crate::objects::sched_state::SchedState;
use crate::objects::shared::Core;
use crate::platform::Platform;

/// What an M that wants a P got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// A P; it is the M's now.
    Proc,
    /// A place in the line: wait until `nextp` is set.
    Queued,
}

/// What became of the P of an M that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// The first M in line has it.
    Handed,
    /// It is idle: whatever was published before must be looked for once more.
    Idle,
}

impl Core {
    /// A P has become free: the first M in line gets it, else it is idle; one that is not wanted
    /// retires.
    pub(super) fn put_p(&self, sched: &mut SchedState, p: &'static Proc) -> Option<&'static M> {
        if !self.is_wanted(p) {
            self.retire(sched, p);
            return None;
        }
        if let Some(m) = sched.p_wait_queue.pop_front() {
            self.work.p_waiters.fetch_sub(1, Relaxed);
            hand(sched, m, p);
            return Some(m);
        }
        // SAFETY: an idle P's link is under the lock.
        unsafe { p.links.idle.set(sched.idle_ps) };
        sched.idle_ps = p;
        self.ps.idle.fetch_add(1, Ordering::Release);
        None
    }

    /// Idle Ps that are not wanted retire.
    pub(super) fn retire_idle(&self, sched: &mut SchedState) {
        let mut at = core::mem::replace(&mut sched.idle_ps, ptr::null());
        self.ps.idle.store(0, Ordering::Relaxed);
        // SAFETY: Ps live as long as the scheduler; an idle P's link is under the lock.
        while let Some(p) = unsafe { at.as_ref() } {
            // SAFETY: as above.
            at = unsafe { p.links.idle.get() };
            // Nobody stands in line while a P is idle.
            let _ = self.put_p(sched, p);
        }
    }

    fn take_p(&self, sched: &mut SchedState) -> Option<&'static Proc> {
        // SAFETY: Ps live as long as the scheduler.
        let p: &'static Proc = unsafe { sched.idle_ps.as_ref()? };
        // SAFETY: an idle P's link is under the lock.
        sched.idle_ps = unsafe { p.links.idle.get() };
        self.ps.idle.fetch_sub(1, Relaxed);
        Some(p)
    }

    fn wait_for_a_p(&self, sched: &mut SchedState, m: &'static M) {
        sched.p_wait_queue.push_back(m);
        self.work.p_waiters.fetch_add(1, Relaxed);
        sched.set_state(m, MState::WaitsForP);
    }

    /// `m`, inside and without a P, wants one: an idle P, or the end of the line.
    pub(crate) fn want_p<P: Platform>(&self, m: &'static M) -> Got {
        let mut sched = self.sched.lock();
        // SAFETY: `state` is under the lock.
        debug_assert_eq!(unsafe { m.links.state.get() }, MState::Busy);
        let Some(p) = self.take_p(&mut sched) else {
            self.wait_for_a_p(&mut sched, m);
            return Got::Queued;
        };
        drop(sched);
        own::<P>(self, m, p);
        self.wake_sysmon::<P>();
        Got::Proc
    }

    /// `m` has waited in line or asleep and `nextp` is set: the P is its own.
    pub(crate) fn woken<P: Platform>(&self, m: &'static M) {
        // Acquire: pairs with the Release in `hand`.
        let p = m.nextp.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: whoever set `nextp` gave a P that lives as long as the scheduler.
        own::<P>(self, m, unsafe { &*p });
    }

    /// `m`, inside, gives its P away for good or until it asks for one again; returns whom to
    /// unpark.
    pub(crate) fn give_p(&self, sched: &mut SchedState, m: &'static M) -> Option<&'static M> {
        let p = disown(m);
        self.put_p(sched, p)
    }

    /// Hands `m`'s P to the first M in line; false: nobody waits.
    pub(crate) fn serve_p_wait_queue<P: Platform>(&self, m: &'static M) -> bool {
        let mut sched = self.sched.lock();
        let Some(first) = sched.p_wait_queue.pop_front() else { return false };
        self.work.p_waiters.fetch_sub(1, Relaxed);
        hand(&mut sched, first, disown(m));
        drop(sched);
        P::unpark(&first.parker);
        true
    }

    /// `m`, without a P, rests: as in [`rest`](Self::rest).
    pub(super) fn mark_resting(&self, m: &'static M, private: bool) {
        let mut sched = self.sched.lock();
        let state = if private {
            MState::AwaitsOwnG
        } else {
            sched.idle_ms.push_front(m);
            MState::Idle
        };
        sched.set_state(m, state);
    }

    /// `m`, at rest, comes back without a P; false when it has been given one meanwhile.
    pub(super) fn unmark_resting(&self, m: &'static M) -> bool {
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        match unsafe { m.links.state.get() } {
            MState::Idle => sched.idle_ms.remove(m),
            MState::AwaitsOwnG => {}
            MState::Busy | MState::WaitsForP | MState::Free => return false,
        }
        sched.set_state(m, MState::Busy);
        true
    }

    /// `m` gives its P away and rests: on the idle list, or (`private`) until its inbox wakes it.
    /// None when the global queue has filled meanwhile: then nothing has changed (L11).
    pub(super) fn rest<P: Platform>(&self, m: &'static M, private: bool) -> Option<Rest> {
        let mut sched = self.sched.lock();
        if !private && !sched.global.is_empty() {
            return None;
        }
        let wake = self.give_p(&mut sched, m);
        if (private || wake.is_none()) && !self.config.symmetric {
            // The caller passes it next.
            self.stats.heavy_fences.add_shared(1);
        }
        let state = if private {
            MState::AwaitsOwnG
        } else {
            sched.idle_ms.push_front(m);
            MState::Idle
        };
        sched.set_state(m, state);
        drop(sched);
        Some(match wake {
            Some(wake) => {
                P::unpark(&wake.parker);
                Rest::Handed
            }
            None => Rest::Idle,
        })
    }

    /// `m`, at rest and awake, has found a reason not to sleep. `Got::Queued`: it sleeps after
    /// all, but in line, or it has been given a P already; `None`: no P is idle, and without
    /// `insist` it stays at rest.
    pub(super) fn stop_resting<P: Platform>(&self, m: &'static M, insist: bool) -> Option<Got> {
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        let state = unsafe { m.links.state.get() };
        if !matches!(state, MState::Idle | MState::AwaitsOwnG) {
            return Some(Got::Queued);
        }
        let p = self.take_p(&mut sched);
        if p.is_none() && !insist {
            return None;
        }
        if state == MState::Idle {
            sched.idle_ms.remove(m);
        }
        let Some(p) = p else {
            self.wait_for_a_p(&mut sched, m);
            return Some(Got::Queued);
        };
        sched.set_state(m, MState::Busy);
        drop(sched);
        own::<P>(self, m, p);
        self.wake_sysmon::<P>();
        Some(Got::Proc)
    }

    /// `m`, at rest, is to sleep until `deadline`; false when it is at rest no more, or another M
    /// sleeps until then already.
    pub(super) fn lead_timers(&self, m: &'static M, deadline: u64) -> bool {
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        let rests = matches!(unsafe { m.links.state.get() }, MState::Idle | MState::AwaitsOwnG);
        let kept = sched.leader_deadline <= deadline && !ptr::eq(sched.timer_leader, m);
        if !rests || kept {
            return false;
        }
        (sched.timer_leader, sched.leader_deadline) = (m, deadline);
        true
    }

    /// `m`, at rest and awake, keeps no deadline any more. One that did so and then slept without a
    /// deadline would keep all others from the role.
    pub(super) fn resign_leader(&self, m: &'static M) {
        self.sched.lock().resign_leader(m);
    }

    /// Whether an M at rest sleeps until the next deadline, or there is none.
    pub(crate) fn has_timer_leader(&self) -> bool {
        let sched = self.sched.lock();
        sched.leader_deadline <= self.next_deadline()
    }

    /// Mail has come for an M that sleeps: it gets a P and wakes, or stands in line for one.
    pub(crate) fn wake_bound<P: Platform>(&self, m: &'static M) {
        let mut sched = self.sched.lock();
        // SAFETY: under the lock.
        let state = unsafe { m.links.state.get() };
        if !matches!(state, MState::Idle | MState::AwaitsOwnG) {
            return; // somebody else has woken it, or it stands in line
        }
        if state == MState::Idle {
            sched.idle_ms.remove(m);
        }
        match self.take_p(&mut sched) {
            Some(p) => {
                hand(&mut sched, m, p);
                drop(sched);
                self.wake_sysmon::<P>();
                P::unpark(&m.parker);
            }
            None => {
                self.wait_for_a_p(&mut sched, m);
            }
        }
    }

    /// An idle P and an M for it, idle or new: `Some((m, new))`. The P is given already; a new M
    /// is to be started; it spins. None: no P is idle, or there is no M; the caller's place among
    /// those that spin is given up then.
    pub(super) fn take_idle_pair<P: Platform>(&'static self) -> Option<(&'static M, bool)> {
        let mut sched = self.sched.lock();
        let Some(p) = self.take_p(&mut sched) else {
            // Under the lock: an M that rests after this sees that nobody spins.
            self.work.searching.fetch_sub(1, Ordering::AcqRel);
            return None;
        };
        self.assign_m::<P>(sched, p, true)
    }

    /// An M for `p`, which nobody owns: as [`pair`](Self::pair).
    pub(super) fn assign_m<P: Platform>(
        &'static self,
        mut sched: g0_arch::sync::MutexGuard<'_, SchedState>,
        p: &'static Proc,
        spinning: bool,
    ) -> Option<(&'static M, bool)> {
        if let Some(m) = sched.idle_ms.pop_front() {
            // SAFETY: the M waits for `nextp`; what is written before that is its own to read.
            unsafe { m.spin.searching.set(spinning) };
            hand(&mut sched, m, p);
            return Some((m, false));
        }
        let m = match sched.free_ms.pop_front() {
            Some(m) => {
                drop(sched);
                Some(m)
            }
            None => self.unused_m(sched),
        };
        let mut sched = self.sched.lock();
        let Some(m) = m else {
            if spinning {
                self.work.searching.fetch_sub(1, Ordering::AcqRel);
            }
            let wake = self.put_p(&mut sched, p);
            drop(sched);
            if let Some(wake) = wake {
                P::unpark(&wake.parker);
            }
            return None;
        };
        // SAFETY: the M has not been started; what is written before that is its own to read.
        unsafe { m.spin.searching.set(spinning) };
        hand(&mut sched, m, p);
        drop(sched);
        self.ms.live.fetch_add(1, Relaxed);
        Some((m, true))
    }

    /// An M for a thread that is there already.
    pub(crate) fn first_m(&'static self) -> Option<&'static M> {
        let mut sched = self.sched.lock();
        let m = match sched.free_ms.pop_front() {
            Some(m) => {
                sched.set_state(m, MState::Busy);
                m
            }
            None => self.unused_m(sched)?,
        };
        self.ms.live.fetch_add(1, Relaxed);
        Some(m)
    }

    /// An M for good, to be an extra one. It is not counted among those that have been started.
    pub(crate) fn extra_m(&'static self) -> Option<&'static M> {
        let mut sched = self.sched.lock();
        match sched.free_ms.pop_front() {
            Some(m) => {
                sched.set_state(m, MState::Busy);
                Some(m)
            }
            None => self.unused_m(sched),
        }
    }

    /// An M that has never run, made without the lock held.
    fn unused_m(
        &'static self,
        mut sched: g0_arch::sync::MutexGuard<'_, SchedState>,
    ) -> Option<&'static M> {
        let m = match self.config.machines.get(sched.used_ms) {
            Some(m) => {
                sched.used_ms += 1;
                drop(sched);
                m
            }
            None => {
                drop(sched);
                (self.config.more)()?
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

    /// The M could not be started, or has ended without a P: it may be used again.
    pub(crate) fn retire_m(&self, m: &'static M) {
        let mut sched = self.sched.lock();
        sched.set_state(m, MState::Free);
        sched.free_ms.push_front(m);
        drop(sched);
        self.ms.live.fetch_sub(1, Ordering::AcqRel);
    }

    /// The P of an M that could not be started is free again.
    pub(crate) fn take_back_p<P: Platform>(&self, m: &'static M) {
        let p = m.nextp.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: as in `woken`.
        let wake = self.put_p(&mut self.sched.lock(), unsafe { &*p });
        match wake {
            Some(wake) => P::unpark(&wake.parker),
            None => self.wake_sysmon::<P>(),
        }
    }

    /// Every M at rest or in line wakes and finds the scheduler halted.
    pub(crate) fn halt<P: Platform>(&self) {
        let mut sched = self.sched.lock();
        self.end.phase.store(crate::parts::phase::HALTED, Ordering::Release);
        // SAFETY: Ms live as long as the scheduler.
        let mut at: Option<&'static M> = unsafe { sched.all_ms.as_ref() };
        while let Some(_m) = sched.idle_ms.pop_front().or_else(|| sched.p_wait_queue.pop_front()) {}
        drop(sched);
        while let Some(m) = at {
            P::unpark(&m.parker);
            // SAFETY: written once, before the M was published.
            at = unsafe { m.links.all.get().as_ref() };
        }
        P::unpark(&self.sysmon.parker);
        P::unpark(&self.end.done);
    }
}

/// Gives `p` to `m`, which waits; under the lock, the wake comes after.
fn hand(sched: &mut SchedState, m: &'static M, p: &'static Proc) {
    sched.set_state(m, MState::Busy);
    // Release: pairs with the Acquire in `woken`; carries the P's data from its last owner.
    m.nextp.store(ptr::from_ref(p).cast_mut(), Ordering::Release);
}

/// `p`, which nobody owns, becomes `m`'s. By `m` itself, inside.
fn own<P: Platform>(core: &Core, m: &'static M, p: &'static Proc) {
    let now = P::now();
    core.set_clock(now);
    // Relaxed: published by `own`'s release.
    m.p.store(ptr::from_ref(p).cast_mut(), Ordering::Relaxed);
    // SAFETY: the P is ours, and we are inside.
    unsafe {
        p.since.set(now);
        // Others' turn has just been: the P has come from them.
        p.reset_fair_turn();
    }
    p.m.store(ptr::from_ref(m).cast_mut(), Ordering::Release);
    m.claim.own();
}

/// Takes `m`'s P from it. By `m` itself, inside.
pub(crate) fn disown(m: &'static M) -> &'static Proc {
    m.claim.give();
    // SAFETY: the P it names was ours until now, and lives as long as the scheduler.
    let p: &'static Proc = unsafe { &*m.p.swap(ptr::null_mut(), Ordering::Relaxed) };
    p.m.store(ptr::null_mut(), Ordering::Release);
    p
}
