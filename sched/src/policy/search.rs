//! Searching: an M with a P and nothing to do looks everywhere before it rests (L11).
//!
//! While one M searches, publishers wake none: so an M that stops searching must pass the role on, or look
//! once more itself.

use core::ptr::{self, NonNull};

use g0_arch::sync::Backoff;
use g0_arch::sync::atomic::Ordering;

use super::local_list;
use crate::objects::g::G;
use crate::objects::inside::{Stay, Within};
use crate::objects::shared::Core;
use crate::parts::light_fence::light_fence;
use crate::parts::phase;
use crate::platform::Platform;

/// How long an M looks for work before it rests, nanoseconds.
const SEARCH: u64 = 50_000;
/// Rounds of looking in vain at most.
const ROUNDS: u32 = 10_000;

impl Core {
    /// Looks everywhere for [`SEARCH`]; at most half of the busy Ms do so at a time, the rest look once.
    pub(super) fn search<P: Platform>(&'static self, m: &Within) -> Option<NonNull<G>> {
        let procs = self.config.procs;
        // SAFETY: `searching` is the calling thread's.
        if !unsafe { m.spin.searching.get() } {
            let live = self.ps.live.load(Ordering::Relaxed);
            let busy = live.saturating_sub(self.ps.idle.load(Ordering::Relaxed));
            if procs.len() == 1 || 2 * self.work.searching.load(Ordering::Relaxed) >= busy {
                return self.steal::<P>(m);
            }
            self.start_searching(m);
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
                || self.phase() == phase::HALTED
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

    /// Takes half of another P's ring, the victims in random order, and returns the first of it; without a
    /// victim fires the timers that are due.
    fn steal<P: Platform>(&'static self, m: &Within) -> Option<NonNull<G>> {
        let procs = self.config.procs;
        let p = m.p();
        let from = (p.roll() >> 16) as usize % procs.len();
        for victim in procs.iter().cycle().skip(from).take(procs.len()) {
            if ptr::eq(victim, p.proc()) || victim.runq.is_empty() {
                continue;
            }
            // SAFETY: the ring of `p` is empty, as `queued_g` found; the calling M alone fills it.
            if let Some(g) = unsafe { p.runq.steal(&victim.runq) } {
                p.counts.steals.add(1);
                return Some(g);
            }
        }
        if self.serve_all_timers::<P>(m) {
            return self.queued_g(m, false);
        }
        local_list::pop(m, false)
    }

    /// Counts `m` among the Ms that search.
    pub(super) fn start_searching(&self, m: &Within) {
        // SAFETY: `searching` is the calling thread's.
        unsafe { m.spin.searching.set(true) };
        // AcqRel: publishers that see it leave the looking to this M.
        self.work.searching.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends the search of the calling M, if it searches, and passes the role on if no other M does.
    pub(super) fn stop_searching<P: Platform>(&'static self, stay: &Stay) {
        // SAFETY: `searching` is the calling thread's.
        if unsafe { stay.m().spin.searching.replace(false) } {
            // Publishers have left it to this M to find what they published, wherever that is: so the
            // last that stops passes the looking on, while a P is idle.
            let last = self.work.searching.fetch_sub(1, Ordering::AcqRel) == 1;
            light_fence(self.config.symmetric);
            if last && self.ps.idle.load(Ordering::Relaxed) != 0 {
                self.wake::<P>();
            }
        }
    }
}
