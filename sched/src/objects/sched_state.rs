//! What the scheduler's one lock guards.

use core::ptr;

use super::g::G;
use super::m::M;
use super::m::State;
use super::mlist::MList;
use super::p::Proc;
use crate::parts::list::Fifo;

/// What the lock guards.
pub(crate) struct Lists {
    pub(crate) global: Fifo<G>,
    pub(crate) idle_ps: *const Proc,
    pub(crate) idle_ms: MList,
    pub(crate) line: MList,
    pub(crate) free_ms: MList,
    /// New ones, whose threads the watcher is to start.
    pub(crate) unborn: MList,
    /// The M at rest that sleeps until a deadline, and which.
    pub(crate) keeper: *const M,
    pub(crate) keeps_until: u64,
    /// Whether a P was handed to somebody for its queues' sake the last time.
    pub(crate) queues_turn: bool,
    /// Ms that are Idle or Private.
    pub(crate) resting: usize,
    /// How many of the configured Ms are in use.
    pub(crate) used_ms: usize,
    pub(crate) ms: u32,
    /// All Ms that have been used, newest first.
    pub(crate) all_ms: *const M,
}

impl Lists {
    pub(crate) const fn new() -> Self {
        Self {
            global: Fifo::new(),
            idle_ps: ptr::null(),
            idle_ms: MList::new(),
            line: MList::new(),
            free_ms: MList::new(),
            unborn: MList::new(),
            keeper: ptr::null(),
            keeps_until: u64::MAX,
            queues_turn: false,
            resting: 0,
            used_ms: 0,
            ms: 0,
            all_ms: ptr::null(),
        }
    }
}

impl Lists {
    /// A retired P is to be used again; false when `p` is in use.
    pub(crate) fn unretire(&mut self, p: &'static Proc) -> bool {
        // SAFETY: under the lock.
        unsafe { p.retired.replace(false) }
    }

    /// A thread is wanted for `m`, which has its P already.
    pub(crate) fn order(&mut self, m: &'static M) {
        self.unborn.push_back(m);
    }

    /// The next M whose thread is to be started.
    pub(crate) fn ordered(&mut self) -> Option<&'static M> {
        self.unborn.pop_front()
    }

    /// How many Ms are at rest.
    pub(crate) fn resting(&self) -> usize {
        self.resting
    }

    /// `m` moves to another state; under the lock, which `self` proves.
    pub(crate) fn set_state(&mut self, m: &'static M, state: State) {
        // SAFETY: under the lock.
        let before = unsafe { m.state.replace(state) };
        self.resting += usize::from(state.is_rest());
        self.resting -= usize::from(before.is_rest());
        // Whoever is awake looks at the timers again before it rests; sysmon is awake too, or will be
        // after a nap.
        self.resign(m);
    }

    /// `m` keeps no deadline any more; under the lock, which `self` proves.
    pub(crate) fn resign(&mut self, m: &'static M) {
        if ptr::eq(self.keeper, m) {
            (self.keeper, self.keeps_until) = (ptr::null(), u64::MAX);
        }
    }
}

// SAFETY: the pointers are to Ms, Ps and Gs, which are tied to no thread.
unsafe impl Send for Lists {}
