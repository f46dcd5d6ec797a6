//! Deadlines in order: a hierarchical timing wheel, linked through the timers themselves.
//!
//! ```text
//!   level 0   64 slots of   8 µs      what is due within the present half millisecond
//!   level 1   64 slots of 524 µs
//!   level 2   64 slots of  34 ms      when the hand enters a slot of level n, what lies there
//!   …                                 moves down, one timer at a time
//!   level 5   64 slots of 2.4 h       what is due later still waits in the farthest slot
//! ```
//!
//! Putting a timer in and taking it out is a few stores, for any number of timers, and neither
//! allocates: a heap would cost a cache miss for each of its levels, with as many timers as there
//! are stacks. A timer alone in its slot fires at its deadline; in a crowd, up to a tick (8 µs)
//! later; none fires early. Timers of the same tick fire in the order in which they came. (After
//! G. Varghese and A. Lauck's hashed and hierarchical wheels, 1987.)

use core::ptr::{self, NonNull};

use crate::g::G;
use crate::plain::Plain;

/// A tick is 2¹³ nanoseconds.
const SHIFT: u32 = 13;
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
/// goroutine: true gives the one wake to whoever asked. A few instructions that take no lock.
pub type Claim = unsafe fn(arg: *const ()) -> bool;

/// One deadline of a parked goroutine; lies on its stack.
#[derive(Debug)]
pub struct Timer {
    at: u64,
    g: NonNull<G>,
    claim: Claim,
    arg: *const (),
    place: Plain<u16>,
    next: Plain<*const Timer>,
    prev: Plain<*const Timer>,
}

impl Timer {
    /// When it fires, nanoseconds.
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
            place: Plain::new(NOWHERE),
            next: Plain::new(ptr::null()),
            prev: Plain::new(ptr::null()),
        }
    }
}

/// The wheel; under its owner's lock.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The tick up to which all has fired.
    hand: u64,
    /// Which slots hold timers.
    occupied: [u64; LEVELS],
    /// The first of each slot's ring; the last is the first one's `prev`.
    slots: [[*const Timer; SLOTS]; LEVELS],
}

// SAFETY: the timers are reached under the wheel's lock only.
unsafe impl Send for Wheel {}

impl Wheel {
    pub(super) const fn new() -> Self {
        Self { hand: 0, occupied: [0; LEVELS], slots: [[ptr::null(); SLOTS]; LEVELS] }
    }

    /// Where a deadline belongs. At level 1 and above never where the hand is.
    fn place(&self, at: u64) -> (usize, usize) {
        let tick = (at >> SHIFT).max(self.hand);
        let differ = (self.hand ^ tick) | (SLOTS as u64 - 1);
        let level = (differ.ilog2() / BITS) as usize;
        if level < TOP {
            return (level, (tick >> (BITS * level as u32)) as usize % SLOTS);
        }
        let top = BITS * TOP as u32;
        let ahead = ((tick >> top) - (self.hand >> top)).min(SLOTS as u64 - 1);
        (TOP, ((self.hand >> top) + ahead) as usize % SLOTS)
    }

    /// # Safety
    ///
    /// `timer` is in no wheel and stays where it is until it has fired or been removed.
    pub(super) unsafe fn insert(&mut self, timer: *const Timer) {
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

    /// Takes `timer` out; false when it has fired.
    ///
    /// # Safety
    ///
    /// `timer` has been put into this wheel, and lives.
    pub(super) unsafe fn remove(&mut self, timer: *const Timer) -> bool {
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

    /// The occupied slot whose turn comes first, and its first tick. A slot of a higher level that
    /// the hand is in has yet to be moved down: before all others.
    fn first(&self) -> Option<(usize, usize, u64)> {
        let own = |level: usize| (self.hand >> (BITS * level as u32)) % SLOTS as u64;
        for level in 1..LEVELS {
            if self.occupied[level] & 1 << own(level) != 0 {
                return Some((level, own(level) as usize, self.hand));
            }
        }
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let ahead = self.occupied[level].rotate_right(own(level) as u32).trailing_zeros();
        let shift = BITS * level as u32;
        let start = ((self.hand >> shift) + u64::from(ahead)) << shift;
        Some((level, (own(level) as usize + ahead as usize) % SLOTS, start))
    }

    /// Fires what is due at `now`, nanoseconds: the goroutines that are to be made ready, as far as
    /// there is room. True: there may be more.
    pub(super) fn fire(&mut self, now: u64, mut out: impl FnMut(NonNull<G>) -> bool) -> bool {
        let tick = now >> SHIFT;
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
        self.hand = self.hand.max(tick);
        false
    }

    /// When to look again, nanoseconds; `u64::MAX` without timers.
    pub(super) fn due(&self) -> u64 {
        let Some((level, slot, start)) = self.first() else { return u64::MAX };
        let first = self.slots[level][slot];
        let (mut at, mut due) = (first, u64::MAX);
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
        (start + u64::from(level == 0)) << SHIFT
    }
}
