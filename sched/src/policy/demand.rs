//! Whether a P is wanted: the questions that decisions ask about the queues.
//!
//! An M that has a P serves the P's `runnext` and ring, the global queue, and the Gs that are bound to
//! the M; other Ms may wait for the P itself; and the P may be one too many. Each decision asks for the
//! part of that which it can do something about:
//!
//! | question | runnext | ring | global | P waiters | bound here | surplus | asked by |
//! |---|---|---|---|---|---|---|---|
//! | [`for_retake`](Demand::for_retake) | × | × | × | × | | × | sysmon, before it takes the P; an M whose P is claimed |
//! | [`to_give_way`](Demand::to_give_way) | × | × | × | × | × | | a goroutine that yields |
//! | [`to_stop_spinning`](Demand::to_stop_spinning) | × | × | | | × | | a goroutine that spins for a lock |
//! | [`by_goroutines`](Demand::by_goroutines) | × | × | × | | | | an M that gives its P up for good |
//! | [`by_queues`](Demand::by_queues) | | × | × | | | | an M that looks for the P's next owner |
//! | [`others_than_reserved`](Demand::others_than_reserved) | | × | × | × | | | a reserved M |
//!
//! *Bound here*: only the M itself can run such a G, so taking the P or handing it on serves none.
//! *P waiters*: `put_p` serves them first, so a giver that would end there need not ask; the M that looks
//! for an owner asks for them apart, for they and the queues have turns. A spinning goroutine gives way
//! to neither them nor the global queue: it spins for a microsecond, and other Ms serve both.
//! *Runnext*: a reserved M and the M that hands a P off have moved it into the ring before they ask.
//! *Surplus*: an M that comes to the scheduler looks at that before all else.
//!
//! The answers are hints: all queues but the owner's may change at once.

use g0_arch::sync::atomic::Ordering;

use super::local_list::bound_here;
use crate::objects::inside::Within;
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::platform::Platform;

/// What wants a P.
#[derive(Clone, Copy)]
pub(super) struct Demand<'a> {
    core: &'a Core,
    p: &'a Proc,
}

impl Core {
    /// Returns the question what wants `p`.
    #[inline(always)]
    pub(super) fn demand_for<'a>(&'a self, p: &'a Proc) -> Demand<'a> {
        Demand { core: self, p }
    }

    /// Returns whether two Ms can run at the same time. Where they cannot, an idle P is of no use to what waits behind
    /// a goroutine that computes.
    #[inline]
    pub(super) fn is_parallel<P: Platform>(&self) -> bool {
        self.config.procs.len() > 1 && P::cpus() > 1
    }

    /// Returns whether the global queue holds a G.
    #[inline(always)]
    pub(super) fn has_global_work(&self) -> bool {
        self.work.queued.load(Ordering::Relaxed) != 0
    }

    /// Returns whether an M waits for a P.
    #[inline(always)]
    pub(super) fn has_p_waiters(&self) -> bool {
        self.work.p_waiters.load(Ordering::Relaxed) != 0
    }

    /// Returns whether a ring holds a G.
    pub(super) fn has_ring_work(&self) -> bool {
        self.config.procs.iter().any(|p| !p.runq.is_empty())
    }

    /// Returns whether another M has a use for the P of one that waits for its own G: an M that waits, or a G
    /// for which no M is searching.
    pub(super) fn has_work_for_another_m(&self) -> bool {
        self.has_p_waiters()
            || self.has_global_work()
            || (self.work.hunger.look().searching() == 0 && self.has_ring_work())
    }
}

impl Demand<'_> {
    #[inline(always)]
    fn runnext(self) -> bool {
        self.p.runq.has_next()
    }

    #[inline(always)]
    fn ring(self) -> bool {
        !self.p.runq.is_empty()
    }

    /// Returns whether the P must be taken from an M that is away: a G or an M waits for it, or it must
    /// retire.
    pub(super) fn for_retake(self) -> bool {
        self.runnext()
            || self.ring()
            || self.core.has_global_work()
            || self.core.has_p_waiters()
            || !self.core.is_wanted(self.p)
    }

    /// Returns whether a G waits at another P: any M that had this one would steal it, or sysmon would see to it.
    pub(super) fn elsewhere(self) -> bool {
        self.core.has_ring_work()
    }

    /// Returns whether anything would run here if the goroutine of `m`, whose P this is, gave way.
    #[inline(always)]
    pub(super) fn to_give_way(self, m: &Within) -> bool {
        // SAFETY: `m` is the calling thread's.
        self.ring()
            || self.runnext()
            || self.core.has_global_work()
            || self.core.has_p_waiters()
            || unsafe { bound_here(m) }
    }

    /// Returns whether a goroutine of `m` must not spin: another one is sure to run here if it parks.
    ///
    /// # Safety
    ///
    /// `m` must be the calling thread's.
    pub(super) unsafe fn to_stop_spinning(self, m: &M) -> bool {
        // SAFETY: the calling thread's, says the caller.
        self.runnext() || self.ring() || unsafe { bound_here(m) }
    }

    /// Returns whether a G waits that any M with this P could run.
    pub(super) fn by_goroutines(self) -> bool {
        self.runnext() || self.by_queues()
    }

    /// Returns the same of a P whose `runnext` is empty.
    pub(super) fn by_queues(self) -> bool {
        self.ring() || self.core.has_global_work()
    }

    /// Returns whether another M should have this P, which a reserved M has.
    pub(super) fn others_than_reserved(self) -> bool {
        self.by_queues() || self.core.has_p_waiters()
    }
}
