//! In which order an M looks into its queues.
//!
//! | | asked by | the order |
//! |---|---|---|
//! | [`pick`] | a goroutine that parks, yields or ends, on its own stack: no lock, no long way | `runnext`; then, at every other switch, the ring, the local list, the ring; else the local list, the ring |
//! | [`queued_g`](Core::queued_g) | the scheduler, on g0 | the same, and the global queue at last |
//! | `queued_g`, fair | the scheduler, every [`FAIR`](crate::objects::p::FAIR)th switch or look | the global queue, the ring and the local list, each once a round; `runnext` at last |
//!
//! The three differ in what they may skip: without a G in the local list, `pick` goes from `runnext` to the
//! ring at once, which is all that most switches see. The fair order is there because no queue that
//! comes early in the other orders need ever be empty: of two goroutines that wake each other one is always
//! in `runnext`. But a turn that has come by the count alone may be refused: a chain of goroutines that hand each other
//! the P shares it by time with others ([`Share`](crate::parts::share::Share)).

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::local_list::{self, bound_here};
use crate::objects::g::G;
use crate::objects::inside::{OwnedP, Within};
use crate::objects::round::{Queue, Round};
use crate::objects::shared::Core;
use crate::platform::Platform;

/// Returns the next G of the queues that `m` reaches without a lock.
#[inline(always)]
pub(crate) fn pick(m: &Within) -> Option<NonNull<G>> {
    let p = m.p();
    if let Some(g) = p.replace_next(None) {
        return Some(g);
    }
    // SAFETY: `m` is the calling thread's.
    if unsafe { bound_here(m) } {
        return pick_bound(m);
    }
    p.pop()
}

#[inline(never)]
fn pick_bound(m: &Within) -> Option<NonNull<G>> {
    by_turns(m, m.p())
}

/// The ring and the local list, each first by turns.
#[inline(always)]
fn by_turns(m: &Within, p: &OwnedP) -> Option<NonNull<G>> {
    if p.tick.load(Ordering::Relaxed) & 1 == 0
        && let Some(g) = p.pop()
    {
        return Some(g);
    }
    local_list::pop(m, false).or_else(|| p.pop())
}

impl Core {
    /// Returns the next G of the queues that `m` reaches without a victim; with `fair` it is the other
    /// queues' turn.
    pub(super) fn queued_g(&self, m: &Within, fair: bool) -> Option<NonNull<G>> {
        let p = m.p();
        p.count_look(fair);
        if fair {
            return self.fair_g(m);
        }
        if let Some(g) = p.replace_next(None) {
            return Some(g);
        }
        by_turns(m, p).or_else(|| self.take_global(p))
    }

    /// The other queues' turn (L24): each has one in every round, for the one before it may never be empty, nor
    /// `runnext`. As long as a queue is left in the round that has a G, the next switch is theirs too.
    #[inline(never)]
    fn fair_g(&self, m: &Within) -> Option<NonNull<G>> {
        let p = m.p();
        p.begin_round();
        p.reset_fair_turn();
        // SAFETY: the P is the calling M's.
        let mut round = unsafe { p.round.get() };
        let mut found = None;
        // All of them, wherever the round stands: a caller that gets none relies on an empty ring.
        for _ in 0..Round::TURNS {
            found = match round.next {
                Queue::Global => self.take_global(p),
                Queue::Ring => p.pop(),
                Queue::Local => local_list::pop(m, true),
            };
            round = Round { next: round.next.next(), left: round.left.saturating_sub(1) };
            if found.is_some() {
                break;
            }
        }
        if self.has_turn_left(m, round) {
            p.request_fair_turn();
        } else {
            round.left = 0;
        }
        // SAFETY: as above.
        unsafe { p.round.set(round) };
        found.or_else(|| p.replace_next(None))
    }

    /// Returns what was made ready last, if it goes on though the turn of others has come: it belongs to those that have
    /// handed each other the P, and they have not had their share yet.
    #[inline(never)]
    pub(super) fn chained_g<P: Platform>(&self, m: &Within) -> Option<NonNull<G>> {
        let p = m.p();
        if !self.chain_goes_on::<P>(m) {
            return None;
        }
        p.reset_fair_turn();
        p.count_look(true);
        p.replace_next(None).or_else(|| local_list::pop_next(m))
    }

    fn chain_goes_on<P: Platform>(&self, m: &Within) -> bool {
        let p = m.p();
        let (next, rest) = local_list::next_and_rest(m);
        let others = rest || !p.runq.is_empty() || self.has_global_work() || self.has_p_waiters();
        // SAFETY: the P is the calling M's.
        let mut share = unsafe { p.share.get() };
        let most = if self.sysmon.turn == u64::MAX { 0 } else { self.sysmon.turn };
        let goes_on = if !others || !next && !p.runq.has_next() {
            share.forget_turn();
            false
        } else if p.is_fair_by_count() {
            share.goes_on(P::now(), most)
        } else {
            share.turn_ends(P::now(), most);
            false
        };
        // SAFETY: as above.
        unsafe { p.share.set(share) };
        goes_on
    }

    /// Returns whether one of the queues that have not had their turn in `round` has a G.
    fn has_turn_left(&self, m: &Within, round: Round) -> bool {
        let mut queue = round.next;
        (0..round.left).any(|_| {
            let at = queue;
            queue = at.next();
            match at {
                Queue::Global => self.has_global_work(),
                Queue::Ring => !m.p().runq.is_empty(),
                // SAFETY: `m` is the calling thread's.
                Queue::Local => unsafe { bound_here(m) },
            }
        })
    }
}
