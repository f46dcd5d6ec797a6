//! On which M a goroutine starts, on the pinned runtime.
//!
//! There a goroutine is bound to the M that runs it first, so where it starts is where it stays. Any M may take one
//! that has not started out of a ring, and the first that is awake does: of workers that are started before there
//! is work, all would come to one thread, that of main if it waits next. So an M that is home to a few (its quota,
//! in [`homes`](super::homes)) looks, before another begins, whether a free M is home to fewer.
//!
//! | the M that has come to a new goroutine | it |
//! |---|---|
//! | is home to fewer than its quota | begins there: two that hand each other values, started together, stay together |
//! | waits for it: the joiner, or the owner of its scope, is bound there | begins there: a loop of starts and joins costs no hand-off |
//! | finds no P idle and no M searching | begins there: each M has something to do |
//! | finds a free M that is home to fewer | is left in the ring, and the M rests until that M has taken it |
//! | is home to a crowd, and main's M is the only other and busy | goes to a new M, with the P |
//! | would start a thread that was refused, or is one too many | begins there |
//!
//! An M is *free* while it is at rest and a P is idle, or runs no goroutine and is on its way to one. An extra M
//! never is, nor one that is reserved, nor one in C or in a loop. One without a thread counts as home to none, as
//! long as fewer Ms than wanted Ps are there to run goroutines.
//!
//! *Main's M is the last choice*: main counts as two, and its M looks as soon as main is there. So what main starts
//! goes on though main loops, and main though that does.
//!
//! Nothing is bound before it begins. What is left in the ring is taken by the M that comes for it, or by another one,
//! whichever is free first; two that compute are not sent to one M. The price of that is a look, not a queue: the
//! M that leaves rests beside a ring that is not empty, and only as long as an M searches ([`Core::go_idle_for`]).
//!
//! ```text
//!   the M that leaves                    the M that searches
//!   its P is idle                        searching -= 1
//!   heavy fence                          light fence; or at rest a heavy one
//!   load searching                       load idle_ps; or look at all queues once more
//! ```
//!
//! With one P there is no second M to spread over, and no look.
//!
//! *Rejected*: mail to the M with the fewest, as the goroutine is bound then: two that compute went to one M while the
//! other rested, and mail to an M whose thread is refused lies there for ever. A quota of one for all Ms: it tears
//! hand-off pairs apart, at some microseconds a value instead of some 20 ns.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;
use g0_arch::sync::{Backoff, MutexGuard};

use super::hand::hand;
use super::homes::{is_crowded, is_mains};
use super::local_list::bound_here;
use super::next::Next;
use super::rest::RestFor;
use super::starting::Assigned;
use crate::objects::g::G;
use crate::objects::inside::{Stay, Within};
use crate::objects::join_word::own_joiner;
use crate::objects::m::{M, MState, ms_from};
use crate::objects::shared::Core;
use crate::objects::shared::sched_state::SchedState;
use crate::parts::phase;
use crate::platform::Platform;

/// How many Ms are looked at: the youngest.
const LOOKS: usize = 256;
/// For how long an M that leaves a goroutine to another waits for that awake, nanoseconds.
const LINGER: u64 = 50_000;
/// For how long the M that has taken one may come back for the next, nanoseconds: it does if the first soon waits.
const GRACE: u64 = 5_000;
/// The same in rounds: a clock may stand still.
const ROUNDS: u32 = 10_000;

/// Where there is more room for a new goroutine than on the M that has come to it.
#[derive(Clone, Copy)]
enum Room {
    /// On an M at rest.
    AtRest(&'static M),
    /// On an M that is on its way to find it.
    Coming,
    /// On an M that has no thread yet.
    New,
    /// On an M that has no thread yet, in the place of the calling one: no P is idle.
    NewInstead,
    /// On none: each M that is free is home to as many, or more. There would be at so many here.
    Fewer(usize),
    /// On none, for no M is free.
    NoneFree,
}

impl Core {
    /// Returns whether another M than `m`, the calling one, may be free, or should be there. The calling M must not
    /// search.
    pub(crate) fn another_m_may_be_free(&self, m: &Within) -> bool {
        self.work.hunger.look().idle_ps() != 0 || self.is_searched_by_another() || is_crowded(m)
    }

    /// Returns whether `g`, which has come to `m` and not begun, is to be left to another M if there is one.
    pub(crate) fn is_to_be_left(&self, m: &Within, g: NonNull<G>) -> bool {
        if self.ps.wanted.load(Ordering::Relaxed) == 1 {
            m.load.stop_looking();
            return false;
        }
        m.load.is_full()
            && self.phase() == phase::OPEN
            && (self.demand_for(m.p()).by_goroutines() || !is_awaited_here(m, g))
    }

    /// Leaves what has not started, in the ring of the calling M's P, to a free M with more room, if there is one.
    /// Returns how the calling M must wait meanwhile; `None`: it has work.
    pub(crate) fn leave_to_another<P: Platform>(&'static self, stay: &mut Stay) -> Option<Next> {
        let within = stay.within()?;
        let _ = self.expose_next(within.p());
        let sched = self.sched.lock();
        let coming = match self.room_elsewhere(&sched, within) {
            Room::Fewer(limit) => {
                drop(sched);
                within.load.look_again_at(limit);
                return None;
            }
            Room::Coming => {
                drop(sched);
                true
            }
            Room::NoneFree => {
                drop(sched);
                // Or an M is between two states.
                self.is_searched_by_another()
            }
            Room::AtRest(m) => self.bring::<P>(sched, m),
            Room::New => self.bring_new::<P>(sched),
            Room::NewInstead => return self.make_way_for_new::<P>(sched, stay),
        };
        if !coming {
            // There is no M to be had. The next one looks again.
            within.load.look_again_at(within.load.get().saturating_add(1));
            return None;
        }
        self.linger::<P>(within);
        let taken = !self.demand_for(within.p()).by_queues() || !self.is_searched_by_another();
        // SAFETY: the calling thread's M.
        if taken || unsafe { bound_here(within) } {
            return None;
        }
        self.go_idle_for::<P>(stay, RestFor::OtherGs)
    }

    /// Returns where there is more room than on `here`, the calling M: the free M with the fewest goroutines. The
    /// lock is held.
    fn room_elsewhere(&self, sched: &SchedState, here: &Within) -> Room {
        let p_is_idle = self.work.hunger.look().idle_ps() != 0;
        // An M with something to run besides keeps its P.
        // SAFETY: the calling thread's M.
        let crowded = is_crowded(here) && unsafe { !bound_here(here) };
        let load = here.load.get();
        let (mut fewest, mut room, mut serving) = (usize::MAX, Room::NoneFree, 0);
        for m in ms_from(sched.all_ms).take(LOOKS) {
            // SAFETY: under the lock.
            let state = unsafe { m.links.state.get() };
            if !may_serve(m, state) {
                continue;
            }
            let is_free = state == MState::Idle || m.g.load(Ordering::Relaxed).is_null();
            // Main is busy with what is its own: it counts for no home when there is a crowd elsewhere.
            serving += usize::from(!crowded || is_free || !is_mains(m));
            let found = match state {
                MState::Idle if p_is_idle => Room::AtRest(m),
                MState::Busy if is_free => Room::Coming,
                _ => continue,
            };
            if !ptr::eq(m, here.m()) && m.load.get() < fewest {
                fewest = m.load.get();
                room = found;
            }
        }
        let starts = fewest != 0
            && serving < self.ps.wanted.load(Ordering::Relaxed)
            && self.has_room_for_m()
            && !self.ms.start_refused.load(Ordering::Relaxed);
        match room {
            _ if starts && p_is_idle => Room::New,
            Room::NoneFree if starts && crowded => Room::NewInstead,
            Room::NoneFree => room,
            _ if fewest >= load => Room::Fewer(fewest.saturating_add(1)),
            _ => room,
        }
    }

    /// Wakes `m`, at rest, to search, with an idle P.
    fn bring<P: Platform>(
        &'static self,
        mut sched: MutexGuard<'_, SchedState>,
        m: &'static M,
    ) -> bool {
        let Some(p) = self.take_p(&mut sched) else { return false };
        sched.idle_ms.remove(m);
        self.work.hunger.add_searching();
        // SAFETY: the M waits for `nextp`; what is written before that is its own to read.
        unsafe { m.spin.searching.set(true) };
        let wake = hand(&mut sched, m, p);
        drop(sched);
        self.launch::<P>(Assigned::Idle(wake))
    }

    /// Starts an M, to search, with an idle P.
    fn bring_new<P: Platform>(&'static self, mut sched: MutexGuard<'_, SchedState>) -> bool {
        let Some(p) = self.take_p(&mut sched) else { return false };
        self.work.hunger.add_searching();
        match self.assign_new_m::<P>(sched, p, true) {
            Some(assigned) => self.launch::<P>(assigned),
            None => false,
        }
    }

    /// Lets an M that has no thread yet have the P of the calling one, `stay`, with what is queued, and puts that at
    /// rest.
    fn make_way_for_new<P: Platform>(
        &'static self,
        sched: MutexGuard<'_, SchedState>,
        stay: &mut Stay,
    ) -> Option<Next> {
        let p = stay.disown();
        self.work.hunger.add_searching();
        let assigned = self.assign_new_m::<P>(sched, p, true);
        stay.m().load.look_again_at(stay.m().load.get().saturating_add(1));
        if self.launch::<P>(assigned?) { self.rest_without_p::<P>(stay) } else { None }
    }

    /// Waits awake until the M that comes has taken what is queued, or the calling M has something else to do.
    fn linger<P: Platform>(&'static self, m: &Within) {
        let (start, backoff) = (P::now(), Backoff::new());
        let mut seen = start;
        for _ in 0..ROUNDS {
            let now = P::now();
            if self.is_searched_by_another() {
                seen = now;
            }
            let (left, searched) = (m.p().runq.len(), seen == now);
            let over = P::cpus() == 1
                || left == 0
                || (left > 1 && !searched)
                || m.inbox.has_mail()
                || self.has_p_waiters()
                || self.phase() == phase::HALTED
                || now.saturating_sub(seen) >= GRACE
                || now.saturating_sub(start) >= LINGER;
            if over {
                return;
            }
            // SAFETY: an M that has nothing to run but what it leaves.
            unsafe { P::relax() };
            backoff.spin();
        }
    }
}

/// Returns whether `m`, in `state`, is there to run new goroutines, now or soon. The lock is held.
fn may_serve(m: &M, state: MState) -> bool {
    // Relaxed: hints.
    matches!(state, MState::Busy | MState::Idle | MState::WaitsForP)
        && !m.is_extra()
        && m.call.load(Ordering::Relaxed).is_null()
        && !m.evicted.load(Ordering::Relaxed)
        && m.lock.reserved.look().is_null()
}

/// Returns whether a goroutine that is bound to `m`, the calling M, waits for `g` alone.
fn is_awaited_here(m: &Within, g: NonNull<G>) -> bool {
    // SAFETY: `g` runs and the scheduler is open, so a joiner of its own scheduler waits until `g` ends, and so does
    // the owner of a scope: the waiters live, and the `bound` of a goroutine that waits stands still.
    unsafe {
        let joiner = own_joiner(g.as_ref().join.load(Ordering::Acquire));
        let waiter = joiner.or_else(|| g.as_ref().scope.get().as_ref()?.waiter_of_last());
        waiter.is_some_and(|waiter| {
            NonNull::new((*waiter).g).is_some_and(|g| ptr::eq(g.as_ref().bound.get(), m.m()))
        })
    }
}
