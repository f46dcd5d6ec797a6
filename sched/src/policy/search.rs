//! Searching: an M with a P and nothing to do looks everywhere before it rests (L11).
//!
//! While one M searches, publishers wake none: so an M that stops searching must pass the role on, or look
//! once more itself.
//!
//! It takes what is not run where it lies: half of a ring with several Gs at once; a G that is alone there, or in
//! `runnext`, when that is [settled](super::sight). Two goroutines that hand each other the P leave a G in the
//! ring at each hand-over and take it out at the next, and would pay ten times as much if it were stolen.

use core::ptr::{self, NonNull};

use g0_arch::sync::Backoff;
use g0_arch::sync::atomic::Ordering;

use super::local_list;
use super::sight::Place;
use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

/// How long an M looks for work before it rests, nanoseconds.
const SEARCH: u64 = 50_000;
/// Rounds of looking in vain at most.
const ROUNDS: u32 = if cfg!(loom) { 0 } else { 10_000 };

impl Core {
    /// Looks everywhere for [`SEARCH`]; at most half of the busy Ms do so at a time, the rest look once.
    pub(super) fn search<P: Platform>(&'static self, m: &Within) -> Option<NonNull<G>> {
        let procs = self.config.procs;
        // SAFETY: `searching` is the calling thread's.
        if !unsafe { m.spin.searching.get() } {
            let live = self.ps.live.load(Ordering::Relaxed);
            let hunger = self.work.hunger.look();
            let busy = live.saturating_sub(hunger.idle_ps());
            if procs.len() == 1 || 2 * hunger.searching() >= busy {
                return self.steal::<P>(m);
            }
            self.start_searching(m);
        }
        if self.is_parallel::<P>() {
            self.note_ticks(m);
        }
        let start = P::now();
        let backoff = Backoff::new();
        // Bounded by rounds too: a clock may stand still.
        for round in 0.. {
            if let Some(g) = self.steal::<P>(m).or_else(|| self.queued_g(m, false)) {
                return Some(g);
            }
            let over = P::cpus() == 1
                || round == ROUNDS
                || self.has_p_waiters()
                || self.phase() != phase::OPEN
                || P::now().saturating_sub(start) >= SEARCH;
            if over {
                return None;
            }
            // SAFETY: an M that finds nothing.
            unsafe { P::relax() };
            backoff.spin();
        }
        None
    }

    /// Takes half of another P's ring, or what lies in its `runnext`, the victims in random order, and returns the
    /// first of it; without a victim fires the timers that are due.
    fn steal<P: Platform>(&'static self, m: &Within) -> Option<NonNull<G>> {
        let procs = self.config.procs;
        let p = m.p();
        let from = (p.roll() >> 16) as usize % procs.len();
        for victim in procs.iter().cycle().skip(from).take(procs.len()) {
            if ptr::eq(victim, p.proc()) {
                continue;
            }
            let g = match self.settled::<P>(victim) {
                None => None,
                Some(Place::Runnext) => self.borrow_next::<P>(victim),
                // SAFETY: the ring of `p` is empty, as `queued_g` found; the calling M alone fills it.
                Some(Place::Ring) => unsafe { p.runq.steal(&victim.runq) },
            };
            if let Some(g) = g {
                p.counts.steals.add(1);
                return Some(g);
            }
        }
        if self.serve_all_timers::<P>(m) {
            return self.queued_g(m, false);
        }
        local_list::pop(m, false)
    }
}
