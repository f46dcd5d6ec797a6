//! Turns are measured in time (L24): what sysmon does for it, and what a goroutine that gives way leaves behind.
//!
//! ```text
//!   sysmon, at each look                          the goroutine, at its next operation
//!   every 10 ms, of each P:                       that switches:
//!     request a fair turn            ──────────▶    every other queue of the P has its turn
//!   a goroutine has run for 10 ms:                that may suspend (exec::suspend):
//!     m.asked := g, raise the claim  ──────────▶    it gives way, if anything waits for its P or its M
//!     attention, for what takes no P
//! ```
//!
//! *A turn* is what an M sees between two switches. It is kept by the M, not by the P: an M whose P is taken and
//! that gets another goes on with the same turn, for what waits for that M has waited all the time. Goroutines
//! that hand each other the P by `runnext` switch all the time, so none of their turns is long; they share one,
//! by the fair turns of their P.
//!
//! *What waits* is not asked before the question: the list of the goroutines that are bound to an M is its
//! thread's own, so the M itself looks when it answers. A question that nothing waits behind costs one operation
//! the slow way, every turn.
//!
//! *Attention* is asked for while a question is new, and as long as work can be seen that waits behind it; the
//! first answers end it. A goroutine that computes and answers none does not make the locks of all others slow for
//! ever.
//!
//! How long a turn is can be set (`slice`). One without length is not measured: the claim of an M is raised from the
//! moment on when it gets a P, and never lowered, so each operation that may look up does. One without end is never
//! over, and the queues have their turns by count alone.
//!
//! A clock that stands still ends no turn: then the switches are counted, as ever
//! ([`FAIR`](crate::objects::p::FAIR)). One that goes back begins all turns anew.

use g0_arch::sync::atomic::Ordering;

use super::give_way::SHORTEST;
use super::local_list;
use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::round::Queue;
use crate::objects::shared::Core;
use crate::parts::{attention, phase, stat_atomic};
use crate::platform::Platform;

impl Core {
    /// Sees to the turns of all Ps, once. By sysmon, or by a timer tick.
    pub(crate) fn watch_turns<P: Platform>(&self) {
        let now = P::now();
        // One goroutine at least is asked where all are, all the time.
        let mut asked = usize::from(self.is_turn_empty());
        for p in self.config.procs {
            // Acquire: pairs with `own`.
            // SAFETY: Ms are never freed.
            let Some(m) = (unsafe { p.m.load(Ordering::Acquire).as_ref() }) else { continue };
            if self.is_over(&p.watch.fair_since, now) {
                p.request_fair_turn();
            }
            asked += usize::from(self.watch_turn(p, m, now));
        }
        self.attend_to(asked);
    }

    /// Asks the goroutine of `m`, which has `p`, to give way if it has run for long. Returns whether it is asked
    /// now, or has not answered though something waits.
    fn watch_turn(&self, p: &Proc, m: &M, now: u64) -> bool {
        // A foreign thread between its callbacks runs no goroutine.
        let rests = m.is_extra() && core::ptr::eq(m.call.load(Ordering::Relaxed), m.root());
        let g = if rests { core::ptr::null_mut() } else { m.g.load(Ordering::Relaxed) };
        if !m.turn.goes_on(g, p) {
            m.turn.since.store(now, stat_atomic::Ordering::Relaxed);
        } else if self.is_over(&m.turn.since, now) {
            // Relaxed: the claim brings it along.
            m.asked.store(g, Ordering::Relaxed);
            m.claim.ask();
            return true;
        }
        // Relaxed: the M has answered a moment ago at worst.
        !g.is_null() && m.asked.load(Ordering::Relaxed) == g && self.is_awaited(p, m, now)
    }

    /// Returns whether a turn has passed since `since`, and counts from `now` then; also when the clock has gone back.
    fn is_over(&self, since: &stat_atomic::AtomicU64, now: u64) -> bool {
        // Relaxed: two sysmons would only disagree about how long it has been.
        let relaxed = stat_atomic::Ordering::Relaxed;
        let before = since.load(relaxed);
        let over = self.is_long(now.saturating_sub(before));
        if over || now < before {
            since.store(now, relaxed);
        }
        over
    }

    /// Returns how long sysmon may sleep beside what runs, nanoseconds: half a turn, but `most` at most.
    pub(crate) fn half_a_turn(&self, most: u64) -> u64 {
        if self.is_turn_empty() { most } else { (self.sysmon.turn / 2).clamp(SHORTEST, most) }
    }

    /// Returns whether anything can be seen that waits for `p`, or for `m`, which has it.
    fn is_awaited(&self, p: &Proc, m: &M, now: u64) -> bool {
        self.demand_for(p).for_retake() || m.inbox.has_mail() || p.timers.due() <= now
    }

    /// So many goroutines are to answer: while there are any, this scheduler is counted among those that ask.
    ///
    /// > Each [`begin`](attention::begin) has its [`end`](attention::end), and comes before it: this scheduler is
    /// > counted before `unanswered` leaves zero, and whatever brings that back to zero ends it.
    fn attend_to(&self, asked: usize) {
        if asked == 0 {
            return self.stop_attending();
        }
        // The lock: a scheduler that has halted counts no more.
        let sched = self.sched.lock();
        if self.phase() == phase::HALTED {
            return;
        }
        attention::begin();
        // Relaxed: goroutines may see it a moment later.
        if self.sysmon.unanswered.swap(asked, Ordering::Relaxed) != 0 {
            attention::end();
        }
        drop(sched);
    }

    /// `g`, the running goroutine of the calling M, is about to give way: all that is queued here goes before it.
    /// Returns whether an M must be woken.
    #[must_use = "when true, an M must be woken"]
    pub(crate) fn let_pass(&'static self, m: &Within, g: &G) -> bool {
        let p = m.p();
        // The fair turn comes to `runnext` last: before that to `g`, if it is alone in the ring.
        let wake = self.expose_next(p);
        // What has come meanwhile would be behind `g`.
        local_list::fetch(m);
        // SAFETY: the running goroutine's own field, and the calling thread's list.
        let (own, is_empty) = unsafe {
            if g.bound.get().is_null() {
                (Queue::Ring, p.runq.is_empty())
            } else {
                (Queue::Local, !local_list::bound_here(m))
            }
        };
        if is_empty {
            p.put_last(own);
        }
        p.request_fair_turn();
        wake
    }
}
