//! Deadlines in order: a hierarchical timing wheel, linked through the timers themselves.
//!
//! ```text
//!   level 0   64 slots of  16 µs      what is due within a millisecond
//!   level 1   64 slots of   1 ms
//!   level 2   64 slots of  67 ms      when the hand enters a slot of level n, what lies there
//!   …                                 moves down, one timer at a time
//!   level 5   64 slots of   5 h       what is due later still waits in the farthest slot
//! ```
//!
//! Putting a timer in and taking it out is a few stores, for any number of timers, and neither
//! allocates: a heap would cost a cache miss for each of its levels, with as many timers as there
//! are stacks. A timer alone in its slot fires at its deadline; in a crowd, up to a tick (16 µs)
//! later; none fires early. (After G. Varghese and A. Lauck's hierarchical wheels, 1987.)

use core::ptr::{self, NonNull};

use g0_arch::sync::OwnedCell;

/// A tick is 2¹⁴ nanoseconds.
const SHIFT: u32 = 14;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 6;
const TOP: usize = LEVELS - 1;
/// Timers of a slot that are looked at for an exact deadline.
const EXACT: usize = 8;
/// Timers that one call moves or fires at most.
const BUDGET: usize = 64;
/// In no slot.
const NOWHERE: u16 = u16::MAX;

/// Decides, under the wheel's lock, whether the deadline is what ends the wait of the timer's
/// goroutine: true gives the one wake to the caller. A few instructions that take no lock.
pub type Claim = unsafe fn(arg: *const ()) -> bool;

/// One deadline of a parked goroutine; lies on its stack.
#[derive(Debug)]
pub struct Timer<G> {
    at: u64,
    g: NonNull<G>,
    claim: Claim,
    arg: *const (),
    place: OwnedCell<u16>,
    next: OwnedCell<*const Timer<G>>,
    prev: OwnedCell<*const Timer<G>>,
}

impl<G> Timer<G> {
    /// Returns when it fires, nanoseconds.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Fires at `at`, nanoseconds: then, if `claim(arg)` agrees, `g` is made ready.
    #[inline(always)]
    pub fn new(at: u64, g: NonNull<G>, claim: Claim, arg: *const ()) -> Self {
        Self {
            at,
            g,
            claim,
            arg,
            place: OwnedCell::new(NOWHERE),
            next: OwnedCell::new(ptr::null()),
            prev: OwnedCell::new(ptr::null()),
        }
    }
}

/// The wheel; under its owner's lock.
#[derive(Debug)]
pub(super) struct Wheel<G> {
    /// The tick up to which all has fired.
    hand: u64,
    /// Which slots hold timers.
    occupied: [u64; LEVELS],
    /// The first of each slot's ring; the last is the first one's `prev`.
    slots: [[*const Timer<G>; SLOTS]; LEVELS],
}

// SAFETY: the timers are reached under the wheel's lock only.
unsafe impl<G> Send for Wheel<G> {}

impl<G> Wheel<G> {
    pub(super) const fn new() -> Self {
        Self { hand: 0, occupied: [0; LEVELS], slots: [[ptr::null(); SLOTS]; LEVELS] }
    }

    /// Returns where a deadline belongs: on the lowest level whose slots reach that far. At level 1 and
    /// above that is never the slot that the hand is in.
    fn place(&self, at: u64) -> (usize, usize) {
        let tick = (at >> SHIFT).max(self.hand);
        let mut level = 0;
        loop {
            let shift = BITS * level as u32;
            let ahead = (tick >> shift) - (self.hand >> shift);
            if ahead < SLOTS as u64 || level == TOP {
                let slot = (self.hand >> shift) + ahead.min(SLOTS as u64 - 1);
                return (level, slot as usize % SLOTS);
            }
            level += 1;
        }
    }

    /// # Safety
    ///
    /// `timer` must be in no wheel, and stay where it is until it has fired or been removed.
    pub(super) unsafe fn insert(&mut self, timer: *const Timer<G>) {
        // SAFETY: timers in the wheel live, and their links are under the lock.
        unsafe {
            let (level, slot) = self.place((*timer).at);
            (*timer).place.set((level * SLOTS + slot) as u16);
            self.occupied[level] |= 1 << slot;
            let first = &mut self.slots[level][slot];
            if first.is_null() {
                (*timer).next.set(timer);
                (*timer).prev.set(timer);
                *first = timer;
            } else {
                let last = (**first).prev.get();
                (*timer).next.set(*first);
                (*timer).prev.set(last);
                (*last).next.set(timer);
                (**first).prev.set(timer);
            }
        }
    }

    /// Takes `timer` out; returns false when it has fired.
    ///
    /// # Safety
    ///
    /// `timer` must have been put into this wheel, and live.
    pub(super) unsafe fn remove(&mut self, timer: *const Timer<G>) -> bool {
        // SAFETY: as in `insert`.
        unsafe {
            let place = (*timer).place.replace(NOWHERE);
            if place == NOWHERE {
                return false;
            }
            let (level, slot) = (place as usize / SLOTS, place as usize % SLOTS);
            let (prev, next) = ((*timer).prev.get(), (*timer).next.get());
            if next == timer {
                self.slots[level][slot] = ptr::null();
                self.occupied[level] &= !(1 << slot);
            } else {
                (*prev).next.set(next);
                (*next).prev.set(prev);
                if self.slots[level][slot] == timer {
                    self.slots[level][slot] = next;
                }
            }
            true
        }
    }

    /// Returns the occupied slot of a level whose turn comes first, and its first tick.
    fn front(&self, level: usize) -> Option<(usize, u64)> {
        let slots = self.occupied[level];
        if slots == 0 {
            return None;
        }
        let shift = BITS * level as u32;
        let hand = self.hand >> shift;
        let ahead = slots.rotate_right(hand as u32 % SLOTS as u32).trailing_zeros();
        let start = ((hand + u64::from(ahead)) << shift).max(self.hand);
        Some(((hand as usize + ahead as usize) % SLOTS, start))
    }

    /// Returns the occupied slot whose turn comes first, and its first tick. Of two whose turns come at
    /// once, that of the higher level: it has yet to be moved down.
    fn first(&self) -> Option<(usize, usize, u64)> {
        let mut first = None;
        let mut earliest = u64::MAX;
        for level in 0..LEVELS {
            if let Some((slot, start)) = self.front(level)
                && start <= earliest
            {
                earliest = start;
                first = Some((level, slot, start));
            }
        }
        first
    }

    /// Fires what is due at `now`, nanoseconds: the goroutines that are to be made ready, as far as
    /// there is room. Returns true when there may be more.
    pub(super) fn fire(&mut self, now: u64, mut out: impl FnMut(NonNull<G>) -> bool) -> bool {
        // A clock that has jumped back is behind the hand: what has been put in since and is due lies
        // in the hand's own slot.
        let tick = (now >> SHIFT).max(self.hand);
        let mut budget = BUDGET;
        while let Some((level, slot, start)) = self.first()
            && start <= tick
        {
            self.hand = self.hand.max(start);
            let mut at = self.slots[level][slot];
            let last = {
                // SAFETY: timers in the wheel live.
                unsafe { (*at).prev.get() }
            };
            loop {
                if budget == 0 {
                    // Of a crowd that is due within this tick, the rest fires when it is over.
                    return level > 0 || start < tick;
                }
                budget -= 1;
                // SAFETY: as above; the link is read before the timer may go. After its claim the
                // goroutine waits for the wake, which is not given here.
                unsafe {
                    let (timer, g) = (at, (*at).g);
                    at = (*at).next.get();
                    if level > 0 {
                        self.remove(timer);
                        self.insert(timer);
                    } else if (*timer).at <= now {
                        self.remove(timer);
                        if ((*timer).claim)((*timer).arg) && !out(g) {
                            return true;
                        }
                    }
                    if timer == last {
                        break;
                    }
                }
            }
            if level == 0 && start == tick {
                break;
            }
        }
        self.hand = tick;
        false
    }

    /// Returns when to look again, nanoseconds; `u64::MAX` without timers.
    pub(super) fn due(&self) -> u64 {
        let mut due = u64::MAX;
        for level in 0..LEVELS {
            // A slot of a higher level may begin earlier and yet hold later timers: so all levels are
            // asked, but for those that begin too late.
            if let Some((slot, start)) = self.front(level)
                && start << SHIFT < due
            {
                due = due.min(self.due_in(level, slot, start));
            }
        }
        due
    }

    /// Returns when to look at a slot that begins at tick `start`: exactly, if it holds few timers.
    fn due_in(&self, level: usize, slot: usize, start: u64) -> u64 {
        let shift = BITS * level as u32;
        // What lies in a slot of the top level may be later than the slot, and than what lies in other slots.
        let end = ((start >> shift) + 1).saturating_mul(1 << (shift + SHIFT));
        let first = self.slots[level][slot];
        let (mut at, mut due) = (first, end);
        for _ in 0..EXACT {
            // SAFETY: timers in the wheel live.
            unsafe {
                due = due.min((*at).at);
                at = (*at).next.get();
            }
            if at == first {
                return due;
            }
        }
        if level == 0 {
            // A crowd; some of it may be earlier than its slot, when the clock has jumped back.
            return if due < start << SHIFT { due } else { end };
        }
        start << SHIFT
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
