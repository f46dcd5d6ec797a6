//! What the scheduler's one lock guards.
//!
//! > **L13** The global queue changes only under the scheduler's lock.

use core::ptr;

use crate::objects::g::G;
use crate::objects::m::{M, MState};
use crate::objects::mlist::MList;
use crate::objects::p::Proc;
use crate::parts::list::Fifo;

/// What the lock guards.
pub(crate) struct SchedState {
    pub(crate) global: Fifo<G>,
    pub(crate) idle_ps: *const Proc,
    pub(crate) idle_ms: MList<M>,
    pub(crate) p_wait_queue: MList<M>,
    pub(crate) free_ms: MList<M>,
    /// New ones, whose threads the watcher is to start.
    pub(crate) start_pending: MList<M>,
    /// The M at rest that sleeps until a deadline, and which.
    pub(crate) timer_leader: *const M,
    pub(crate) leader_deadline: u64,
    /// Whether the last P that was handed to an M was so for its queues' sake.
    pub(crate) queues_turn: bool,
    /// Ms at rest: Idle or AwaitsOwnG.
    pub(crate) resting: usize,
    /// How many of the configured Ms are in use.
    pub(crate) used_ms: usize,
    pub(crate) ms: u32,
    /// The last M that was asked for was not to be had, and none has become free since.
    pub(crate) out_of_ms: bool,
    /// All Ms that have been used, newest first.
    pub(crate) all_ms: *const M,
}

impl SchedState {
    pub(crate) const fn new() -> Self {
        Self {
            global: Fifo::new(),
            idle_ps: ptr::null(),
            idle_ms: MList::new(),
            p_wait_queue: MList::new(),
            free_ms: MList::new(),
            start_pending: MList::new(),
            timer_leader: ptr::null(),
            leader_deadline: u64::MAX,
            queues_turn: false,
            resting: 0,
            used_ms: 0,
            ms: 0,
            out_of_ms: false,
            all_ms: ptr::null(),
        }
    }
}

impl SchedState {
    /// Marks `p` for use again, if it is retired; returns false when it is in use.
    pub(crate) fn unretire(&mut self, p: &'static Proc) -> bool {
        // SAFETY: under the lock.
        unsafe { p.links.retired.replace(false) }
    }

    /// Asks for a thread for `m`, which has its P already.
    pub(crate) fn request_start(&mut self, m: &'static M) {
        self.start_pending.push_back(m);
    }

    /// Takes the next M whose thread is to be started.
    pub(crate) fn take_start_request(&mut self) -> Option<&'static M> {
        self.start_pending.pop_front()
    }

    /// Returns whether what any M could run waits in vain for one: no M was to be had, and those at rest wait
    /// for goroutines of their own.
    pub(crate) fn lacks_ms(&self) -> bool {
        self.out_of_ms && self.idle_ms.is_empty()
    }

    /// Returns how many Ms are at rest.
    pub(crate) fn resting(&self) -> usize {
        self.resting
    }

    /// `m` moves to another state; under the lock, which `self` proves.
    pub(crate) fn set_state(&mut self, m: &'static M, state: MState) {
        // SAFETY: under the lock.
        let before = unsafe { m.links.state.replace(state) };
        self.resting += usize::from(state.is_rest());
        self.resting -= usize::from(before.is_rest());
        // An M that is awake looks at the timers again before it rests; sysmon is awake too, or will
        // be after a nap.
        self.resign_leader(m);
    }

    /// `m` keeps no deadline any more; under the lock, which `self` proves.
    pub(crate) fn resign_leader(&mut self, m: &'static M) {
        if ptr::eq(self.timer_leader, m) {
            (self.timer_leader, self.leader_deadline) = (ptr::null(), u64::MAX);
        }
    }
}

// SAFETY: the pointers are to Ms, Ps and Gs, which are tied to no thread.
unsafe impl Send for SchedState {}
