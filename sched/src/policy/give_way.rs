//! When a running goroutine, or the M that runs it, must make room.
//!
//! | asked | by | room is made for |
//! |---|---|---|
//! | [`has_competition`](Core::has_competition) | a goroutine that yields | what is queued, and due timers |
//! | [`may_spin`](Core::may_spin) | a goroutine that finds a lock held | the goroutines of this M |
//! | [`slice_is_over`](Core::slice_is_over) | the M, at a fair turn | Ms that wait for a P |
//! | [`has_had_enough`](Core::has_had_enough) | an M that enters and finds a claim on its P, where it may not suspend | other Ms |
//! | [`is_asked_still`](Core::is_asked_still) | the same | nothing yet: the claim stays raised for the next operation |
//! | [`turn_is_over`](Core::turn_is_over) | the same, where an operation may suspend | whatever only this P or this M can run |
//!
//! > **L24** A runnable goroutine runs within a few turns of 10 ms, whatever operations that may wait others loop
//! > over.
//!
//! A turn is measured in time. Sysmon sees that a goroutine has run for as long, and asks it to look up by
//! raising the claim on its M's P, which every operation that takes a P reads anyway. The goroutine is named in
//! `M::asked`, which stays when the M loses that P and gets another: what waits for this M has waited all the time.

use core::ptr;

use g0_arch::sync::atomic::Ordering;

use super::local_list::bound_here;
use crate::objects::inside::{OwnedP, Within};
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::{attention, phase};
use crate::platform::Platform;

/// How long an M keeps its P while other Ms wait for one, nanoseconds.
const SLICE: u64 = 25_000;
/// A shorter turn is not measured, nanoseconds: sysmon looks no more often.
pub(super) const SHORTEST: u64 = 100_000;

impl Core {
    /// Returns whether something else would run on the calling M if its goroutine yielded; then it is the
    /// other queues' turn. Timers are looked at as often as always: one whose goroutine yields alone is not
    /// idle.
    #[inline]
    pub(crate) fn has_competition<P: Platform>(&self, m: &Within) -> bool {
        let p = m.p();
        let competition =
            self.demand_for(p).to_give_way(m) || (p.is_fair() && p.timers.due() <= P::now());
        if competition {
            // The other queues first: the caller is going to be in the ring itself.
            p.request_fair_turn();
        } else if p.is_fair() {
            p.reset_fair_turn();
        }
        competition
    }

    /// Returns whether a goroutine of `m` that finds a lock held may spin for it: the holder may be running,
    /// for another M runs, and no other goroutine wants to run here. A guess; its M is outside.
    ///
    /// # Safety
    ///
    /// `m` must be the calling thread's.
    pub(crate) unsafe fn may_spin(&self, m: &M) -> bool {
        // Relaxed, all of it: a guess.
        let idle = self.work.hunger.look().idle_ps();
        if idle + 1 >= self.ps.live.load(Ordering::Relaxed) {
            return false;
        }
        // SAFETY: Ps live as long as their scheduler; its ring may be looked at from anywhere. `m` is the
        // calling thread's, says the caller.
        unsafe {
            m.p.load(Ordering::Relaxed)
                .as_ref()
                .is_some_and(|p| !self.demand_for(p).to_stop_spinning(m))
        }
    }

    /// Returns whether Ms wait for a P and this one has served its M for long enough, or the clock has gone back.
    pub(super) fn slice_is_over<P: Platform>(&self, p: &OwnedP) -> bool {
        // SAFETY: the P is the borrower's.
        self.has_p_waiters() && P::now().wrapping_sub(unsafe { p.since.get() }) >= SLICE
    }

    /// Returns whether the goroutine of `m`, the calling M, must look up where it next may: its turn is over, or
    /// the run.
    pub(crate) fn is_asked(&self, m: &M) -> bool {
        self.phase() != phase::OPEN || self.is_turn_asked_for(m)
    }

    /// Returns the same of an M whose goroutine may not be suspended now; when only its turn is over, and nothing
    /// would run here, that is the answer, and it is not asked any more.
    pub(crate) fn is_asked_still<P: Platform>(&self, m: &Within) -> bool {
        if self.phase() != phase::OPEN || self.is_turn_empty() {
            return true;
        }
        if !self.is_turn_asked_for(m) {
            return false;
        }
        let waits = self.would_run::<P>(m);
        if !waits {
            self.forget_question(m);
        }
        waits
    }

    /// Returns whether the goroutine of the calling M must give way: it has been asked to, or has run for as long
    /// as one may, and something would run here. That is asked once.
    pub(crate) fn turn_is_over<P: Platform>(&self, m: &Within) -> bool {
        let asked = self.is_turn_asked_for(m) || self.has_had_enough::<P>(m.p());
        self.forget_question(m);
        asked && self.would_run::<P>(m)
    }

    /// The M has handed its P to another, which serves all that waits but what is bound to the M.
    pub(crate) fn has_made_way(&self, m: &M) {
        // SAFETY: `m` is the calling thread's.
        if unsafe { !bound_here(m) } {
            self.forget_question(m);
        }
    }

    /// The goroutine of the calling M has answered, if it was asked.
    fn forget_question(&self, m: &M) {
        // Relaxed, all of it: should sysmon ask at this moment, it does so again.
        if m.asked.load(Ordering::Relaxed).is_null() {
            return;
        }
        m.asked.store(ptr::null_mut(), Ordering::Relaxed);
        let one_less = |left: usize| left.checked_sub(1);
        let relaxed = Ordering::Relaxed;
        if self.sysmon.unanswered.fetch_update(relaxed, relaxed, one_less) == Ok(1) {
            attention::end();
        }
    }

    /// Nothing is asked any more.
    pub(super) fn stop_attending(&self) {
        // Relaxed: as above. A look first: the line is written when there is something to write.
        let unanswered = &self.sysmon.unanswered;
        if unanswered.load(Ordering::Relaxed) != 0 && unanswered.swap(0, Ordering::Relaxed) != 0 {
            attention::end();
        }
    }

    /// Returns whether anything would run on the calling M if its goroutine gave way.
    fn would_run<P: Platform>(&self, m: &Within) -> bool {
        self.demand_for(m.p()).to_give_way(m) || m.p().timers.due() <= P::now()
    }

    /// Returns whether a G or an M waits for `p`, and it has run the same goroutine for as long as one may
    /// compute.
    pub(crate) fn has_had_enough<P: Platform>(&self, p: &OwnedP) -> bool {
        // SAFETY: the P is the borrower's. What sysmon has seen is how long no other goroutine has run, not
        // how long the P has been with this M.
        let since = unsafe { p.since.get() }.max(p.watch.since.load(Ordering::Relaxed));
        // Wrapping: when the clock has gone back, it has been long enough.
        p.watch.tick.load(Ordering::Relaxed) == p.tick.load(Ordering::Relaxed)
            && self.is_long(P::now().wrapping_sub(since))
            && self.demand_for(p).for_retake()
    }

    /// Returns whether a goroutine that has run for `length`, nanoseconds, has had its turn.
    pub(super) fn is_long(&self, length: u64) -> bool {
        let turn = self.sysmon.turn;
        turn != u64::MAX && length >= turn.max(SHORTEST)
    }

    /// Returns whether the goroutine of `m`, the calling M, has been asked to give way.
    fn is_turn_asked_for(&self, m: &M) -> bool {
        // Relaxed, both: the M's own word, and one that the raised claim has brought along.
        let asked = m.asked.load(Ordering::Relaxed);
        self.is_turn_empty() || !asked.is_null() && ptr::eq(asked, m.g.load(Ordering::Relaxed))
    }
}
