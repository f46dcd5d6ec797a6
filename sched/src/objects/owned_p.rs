//! What the owner of a P does with it: its queue, its turns, its random numbers.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::g::G;
use super::inside::OwnedP;
use super::p::{FAIR, REQUESTED};
use super::round::{Queue, Round};

impl OwnedP {
    /// Appends `g` to the ring; gives it back when the ring is full.
    #[inline(always)]
    pub(crate) fn push(&self, g: NonNull<G>) -> Result<(), NonNull<G>> {
        // SAFETY: the P is the borrower's.
        unsafe { self.runq.push(g) }
    }

    /// Takes the oldest G out of the ring.
    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<NonNull<G>> {
        // SAFETY: the P is the borrower's.
        unsafe { self.runq.pop() }
    }

    /// Puts `g` into `runnext` and returns what was there.
    #[inline(always)]
    pub(crate) fn replace_next(&self, g: Option<NonNull<G>>) -> Option<NonNull<G>> {
        // SAFETY: the P is the borrower's.
        unsafe { self.runq.replace_next(g) }
    }

    /// Returns the next of the P's random numbers; the high bits are the better ones.
    pub(crate) fn roll(&self) -> u32 {
        // SAFETY: the P is the borrower's. The constants are those of Numerical Recipes.
        unsafe {
            let random = self.random.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.random.set(random);
            random
        }
    }

    /// Counts a switch; returns whether it is the other queues' turn.
    #[inline(always)]
    pub(crate) fn count(&self) -> bool {
        self.tick.store(self.tick.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.is_fair()
    }

    /// Returns whether the other queues' turn has come and has not been taken.
    #[inline(always)]
    pub(crate) fn is_fair(&self) -> bool {
        // Relaxed: a count of the owner's; sysmon's word may come a switch late.
        let due = self.fair_at.load(Ordering::Relaxed);
        self.tick.load(Ordering::Relaxed).wrapping_sub(due) as i32 >= 0
    }

    /// Returns whether the other queues' turn has come by the count alone: it was not asked for.
    pub(crate) fn is_fair_by_count(&self) -> bool {
        let since = self.fair_at.load(Ordering::Relaxed);
        self.tick.load(Ordering::Relaxed).wrapping_sub(since) < REQUESTED
    }

    /// Returns whether it is the other queues' turn now or at the next switch.
    pub(crate) fn is_fair_soon(&self) -> bool {
        let due = self.fair_at.load(Ordering::Relaxed);
        self.tick.load(Ordering::Relaxed).wrapping_add(1).wrapping_sub(due) as i32 >= 0
    }

    /// Puts the other queues' turn off until the next switch.
    pub(crate) fn put_off_fair_turn(&self) {
        self.fair_at.store(self.tick.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Returns whether the queues have been looked at so often that it is the other queues' turn, whatever
    /// the switches say.
    pub(crate) fn is_overdue(&self) -> bool {
        // SAFETY: the P is the borrower's.
        unsafe { self.looks.get() >= FAIR }
    }

    /// Counts a look at the queues; a `fair` one starts the count anew.
    #[inline(always)]
    pub(crate) fn count_look(&self, fair: bool) {
        // SAFETY: the P is the borrower's.
        unsafe { self.looks.set(if fair { 0 } else { self.looks.get().saturating_add(1) }) };
    }

    /// Notes that the other queues have had their turn.
    #[inline(always)]
    pub(crate) fn reset_fair_turn(&self) {
        let due = self.tick.load(Ordering::Relaxed).wrapping_add(FAIR);
        self.fair_at.store(due, Ordering::Relaxed);
    }

    /// Begins a round of turns, unless one is under way; returns whether it did.
    pub(crate) fn begin_round(&self) -> bool {
        // SAFETY: the P is the borrower's.
        unsafe {
            let round = self.round.get();
            if round.left == 0 {
                self.round.set(Round { left: Round::TURNS, ..round });
            }
            round.left == 0
        }
    }

    /// Lets the other queues, and the Ms that wait for a P, have their turns before `own`.
    pub(crate) fn put_last(&self, own: Queue) {
        // SAFETY: the P is the borrower's.
        unsafe { self.round.set(Round { next: own.next(), left: 0 }) };
    }
}
