//! Giving memory back that goroutines once used (L27).
//!
//! A stack that was deep once keeps its pages for as long as nothing gives them back. Sysmon does, of two kinds of
//! stacks:
//!
//! - *of goroutines that have been parked for a second* ([`rest`](crate::objects::shrink::Shrink::rest)): what lies
//!   below the saved stack pointer, of the goroutine's own stack. Never of a goroutine that runs, is runnable, or is in
//!   foreign code, be it locked, bound or neither; nor of one that waits on a segment;
//! - *of stacks without a goroutine* that have lain in the depot from one sweep to the next.
//!
//! A *sweep* looks at every goroutine once, a slice at each of sysmon's looks. One that has not parked anew since the
//! last look costs a comparison. For each of the rest the source is asked how much its stack holds; where the source
//! cannot tell, memory of each is given back once after it has parked. A *batch* of up to [`BATCH`] goroutines is then
//! diverted behind one heavy fence ([`detour`](crate::parts::detour)), and their pages are given back, for at most
//! [`LENGTH`] and the one stack that is under way. A goroutine of the batch that is woken meanwhile waits for its own
//! stack. No other operation waits for anything.
//!
//! The next sweep begins when as long has gone by since the end of the last one, or [`PAUSE`] times as long as that has
//! looked, if that is more. When nothing has run since a sweep began, and it has seen no goroutine that had rested for
//! too short a time, none follows: sysmon sleeps.
//!
//! There is no sweep where the source gives nothing back, and none where stacks are measured, for pages that were given
//! back tell nothing of what was used. There is only that of free stacks under memory checkers, for which a stack must
//! not change unasked, and where *fences are symmetric*: the resuming side has no fence then, which only
//! `membarrier` supplies.

use core::ptr::{self, NonNull};

use super::batch::{Diverted, batch};

use g0_arch::sync::atomic::Ordering;
use g0_arch::{Arch, Entry, Native, tools};

use crate::objects::g::{G, status};
use crate::objects::shared::Core;
use crate::objects::shrink::{BATCH, Slot, SlotState, Sweep};
use crate::parts::phase;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::Coarse;
use crate::platform::Platform;

/// How many times as long as a sweep has looked at goroutines none follows it.
const PAUSE: u64 = 16;
/// For how long a look at goroutines lasts, nanoseconds.
const SLICE: u64 = 50_000;
/// For how long pages of a batch are given back, nanoseconds; what is left has its turn at the next look.
const LENGTH: u64 = 60_000;
/// A detour's stack, on which nothing but the post-switch step runs.
const SMALL: usize = 32 << 10;
/// Goroutines looked at between two looks at the clock.
const FEW: usize = 16;

const RELAXED: stat_atomic::Ordering = stat_atomic::Ordering::Relaxed;

impl Core {
    /// Returns when sysmon must call [`shrink`](Self::shrink), nanoseconds; `u64::MAX`: not before a goroutine has run.
    pub(crate) fn shrink_due<P: Platform>(&self) -> u64 {
        let due = self.shrink.due.load(RELAXED);
        let rest = self.shrink.rest;
        if due != u64::MAX
            || rest == u64::MAX
            || self.measures
            || self.releasing_source(0).is_none()
        {
            return due;
        }
        // SAFETY: sysmon's.
        if self.ticks() == unsafe { self.shrink.sweep.get() }.ticks {
            return due;
        }
        let due = P::now().saturating_add(rest);
        self.shrink.due.store(due, RELAXED);
        due
    }

    /// Goes on with the sweep for about a tenth of a millisecond, if one is under way or due. `entrance` is that of a
    /// detour, which the executor has. For sysmon alone, on a thread of its own.
    pub(crate) fn shrink<P: Platform>(&'static self, entrance: Entry) {
        let now = P::now();
        if now < self.shrink_due::<P>() {
            return;
        }
        if self.phase() != phase::OPEN {
            self.shrink.due.store(now.saturating_add(self.shrink.rest), RELAXED);
            return;
        }
        // What parks from now on does so later than what is looked at.
        self.set_clock(now);
        // SAFETY: sysmon's.
        let mut sweep = unsafe { self.shrink.sweep.get() };
        if !sweep.under_way {
            let walked = self.config.symmetric || tools::ON || cfg!(loom);
            let at = self.all_goroutines().next();
            sweep = Sweep { under_way: true, ticks: self.ticks(), at, walked, ..Sweep::NONE };
        }
        let is_over = self.go_on::<P>(&mut sweep, now, entrance);
        let after = P::now();
        let next = if !is_over {
            after
        } else {
            sweep.under_way = false;
            // The next one gives back what is free now.
            let again = self.depots().fold(sweep.again, |again, depot| depot.age() | again);
            let pause = sweep.looked.saturating_mul(PAUSE).max(self.shrink.rest);
            if again || self.ticks() != sweep.ticks {
                after.saturating_add(pause)
            } else {
                u64::MAX
            }
        };
        self.shrink.due.store(next, RELAXED);
        // SAFETY: sysmon's.
        unsafe { self.shrink.sweep.set(sweep) };
    }

    /// Does the next piece of the sweep; returns whether it was the last.
    fn go_on<P: Platform>(&'static self, sweep: &mut Sweep, now: u64, entrance: Entry) -> bool {
        if !sweep.walked {
            self.look_for::<P>(sweep, now);
            sweep.looked += P::now().saturating_sub(now);
        }
        if sweep.found.iter().any(Option::is_some) {
            #[cfg(not(loom))]
            self.give_back::<P>(sweep, entrance);
            return false;
        }
        let _ = entrance;
        sweep.walked && !self.depots().any(|depot| depot.release_some())
    }

    /// Looks at goroutines until a batch is full, or the slice over.
    fn look_for<P: Platform>(&'static self, sweep: &mut Sweep, now: u64) {
        let mut all = self.goroutines_from(sweep.at);
        let mut free = sweep.found.iter_mut().filter(|found| found.is_none());
        let Some(mut room) = free.next() else { return };
        for n in 1.. {
            let Some(g) = all.next().filter(|_| sweep.at.is_some()) else {
                sweep.walked = true;
                return;
            };
            // SAFETY: registered Gs live as long as the scheduler.
            let this = unsafe { g.as_ref() };
            // SAFETY: the link is written once, before the G is registered.
            sweep.at = NonNull::new(unsafe { this.all.get() });
            if self.is_found(g, this, now, &mut sweep.again) {
                *room = Some(g);
                match free.next() {
                    Some(next) => room = next,
                    None => return,
                }
            }
            if n % FEW == 0 && P::now().saturating_sub(now) >= SLICE {
                return;
            }
        }
    }

    /// Returns whether `g` has rested and holds more than it needs. Sets `again` if that is to be seen later.
    fn is_found(&self, g: NonNull<G>, this: &G, now: u64, again: &mut bool) -> bool {
        // Acquire: with what it waits for, since when, and its context.
        if this.status.load(Ordering::Acquire) != status::PARKED {
            return false;
        }
        let since = this.waiting().1;
        if this.was_looked_at(since) {
            return false;
        }
        if since.until(Coarse::of(now)).as_nanos() < u128::from(self.shrink.rest) {
            *again = true;
            return false;
        }
        // SAFETY: a G lies in its stack, whose header stays.
        let header = unsafe { G::header(g).as_ref() };
        let source = self.source_of(header.class());
        match source.map_or(Some(0), |source| source.resident_below(header, resume_at(this))) {
            Some(0) => {
                this.look_at(since);
                false
            }
            _ => true,
        }
    }

    /// Gives back what those hold that were found, as many as there is time for.
    #[cfg(not(loom))]
    fn give_back<P: Platform>(&'static self, sweep: &mut Sweep, entrance: Entry) {
        let (mut slots, mut diverted) = ([None; BATCH], [None; BATCH]);
        for (i, found) in sweep.found.iter_mut().enumerate() {
            let Some(g) = *found else { continue };
            let Some(slot) = self.free_slot() else { break };
            // SAFETY: registered Gs live as long as the scheduler.
            let this = unsafe { g.as_ref() };
            let one =
                Diverted { word: this.context.word(), status: &this.status, detour: &slot.detour };
            // SAFETY: this is sysmon, and the slot is free.
            unsafe {
                slot.g.set(g.as_ptr());
                if one.divert(|from| slot.entrance(g, from, entrance)) {
                    slot.state.set(SlotState::Closed);
                    (slots[i], diverted[i]) = (Some(slot), Some(one));
                } else {
                    *found = None;
                }
            }
        }
        self.stats.heavy_fences.add_shared(1);
        let mut began = None;
        let found = &mut sweep.found;
        let give_back = |i: usize, is_closed: bool| {
            let (Some(g), Some(slot)) = (found[i], slots[i]) else { return };
            let now = P::now();
            let is_late = now.saturating_sub(*began.get_or_insert(now)) >= LENGTH;
            if is_closed && !is_late {
                // SAFETY: registered Gs live as long as the scheduler; a G lies in its stack, whose header stays.
                // Nothing runs on the stack until this returns, so what lies below the goroutine's stack pointer is
                // dead.
                unsafe {
                    let this = g.as_ref();
                    let header = G::header(g).as_ref();
                    if let Some(source) = self.source_of(header.class()) {
                        source.release_below(header, slot.detour.leads_to());
                    }
                    this.look_at(this.waiting().1);
                }
                self.shrink.stacks.add(1);
            }
            if !is_closed || !is_late {
                found[i] = None;
            }
            // SAFETY: sysmon's field. It is opened next.
            unsafe { slot.state.set(SlotState::Opened) };
        };
        // SAFETY: this is sysmon, which has diverted them.
        unsafe {
            batch::<P>(self.config.symmetric, &diverted, || self.leave_slots(), give_back);
        }
        if diverted.iter().all(Option::is_none) {
            // Without a detour, or a stack for one, the rest must wait for another sweep.
            sweep.again |= sweep.found.iter().any(Option::is_some);
            sweep.found = [None; BATCH];
        }
    }

    /// Returns a detour that may be used, with a stack; `None` if there is none now.
    #[cfg(not(loom))]
    fn free_slot(&'static self) -> Option<&'static Slot> {
        // SAFETY: sysmon's fields.
        unsafe {
            let slot = self.shrink.slots.iter().find(|slot| slot.state.get() == SlotState::Free)?;
            if slot.stack.get().is_null() {
                let (source, class) = self.releasing_source(SMALL)?;
                let stack = source.alloc(class).ok()?;
                slot.stack.set(stack.into_raw().as_ptr());
            }
            Some(slot)
        }
    }

    /// Frees the detours over which no M is on its way, after a heavy fence.
    #[cfg(not(loom))]
    fn leave_slots(&self) {
        for slot in &self.shrink.slots {
            // SAFETY: sysmon's fields; registered Gs live as long as the scheduler.
            unsafe {
                if slot.state.get() == SlotState::Opened
                    && slot.detour.is_left(&(*slot.g.get()).status)
                {
                    slot.state.set(SlotState::Free);
                }
            }
        }
    }
}

#[cfg(not(loom))]
impl Slot {
    /// Returns the stack pointer of a context that begins at the entrance, for `g`, which goes on at `from`; `None` if
    /// that is not in its own stack.
    ///
    /// # Safety
    ///
    /// The caller must be sysmon, and the slot must be free and have a stack.
    unsafe fn entrance(&self, g: NonNull<G>, from: *mut u8, entrance: Entry) -> Option<*mut u8> {
        // SAFETY: a G lies in its stack. A slot that is free is sysmon's, and so is its stack, on which no frame is
        // live.
        unsafe {
            let bottom = G::header(g).as_ref().bottom();
            if !(bottom.addr()..g.as_ptr().addr()).contains(&from.addr()) {
                return None;
            }
            let detour = ptr::from_ref(&self.detour).cast_mut();
            let top = (*self.stack.get()).top();
            Some(Native::init(top, entrance, detour.cast()).stack_pointer())
        }
    }
}

/// Returns the stack pointer at which `this` goes on.
#[cfg(not(loom))]
fn resume_at(this: &G) -> *mut u8 {
    this.context.word().look()
}

#[cfg(loom)]
fn resume_at(_this: &G) -> *mut u8 {
    ptr::null_mut()
}
