//! The post-switch step: what the arriving side of a switch does for the goroutine that was left.
//!
//! The rules (a) to (g) of this step stand in `CONTRIBUTING.md`. Above all it runs on a borrowed stack, so it
//! neither allocates nor frees, drops nothing, wakes no waker and runs no user code.
//!
//! > **L15** Each goroutine leaves its queue exactly once, and none is published before its context is
//! > saved, nor its label before it is whole. The goroutine that was left is published here and nowhere else.
//!
//! > **L4** Whether a goroutine is locked or bound is read while no other thread may have it yet: before
//! > it is published, and before its joiner learns that it has ended.
//!
//! > **L9** The thread of a goroutine that ends locked ends with it, its P handed off before. On the
//! > pinned runtime the thread goes on for the goroutines bound to it, and the platform is told.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;
use g0_arch::tools;

use super::cancel::commit_closing;
use super::current::this_m;
use super::refs::free;
use super::wake::{ready_from, wake_from};
use crate::objects::g::{G, status};
use crate::objects::inside::Within;
use crate::objects::join_word::{DETACHED, DONE, joiner, own_joiner};
use crate::objects::m::M;
use crate::objects::waiter::Waiter;
use crate::parts::locks::Locks;
use crate::parts::phase::{self, main_left};
use crate::platform::Platform;
use crate::policy::lockedm::join_lockers;

/// What becomes of the G that was switched away from; in the low bits of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Tag {
    /// It is runnable, behind all the rest.
    Yield = 1,
    /// It waits; its unlock function publishes it.
    Park = 2,
    /// It has ended; its joiner and the free list decide.
    Exit = 3,
}

const TAGS: usize = 7;

/// Returns what a switch away from `g` passes on.
#[inline(always)]
pub(super) fn tagged(g: NonNull<G>, tag: Tag) -> usize {
    g.as_ptr().addr() | tag as usize
}

/// Publishes the G that was left. Returns the M that the arriving goroutine, or g0, is on.
///
/// # Safety
///
/// `value` must have come out of a switch, and this must be the first thing done with it.
#[inline(always)]
pub(super) unsafe fn resumed<P: Platform>(value: usize) -> &'static M {
    let m = this_m::<P>();
    let left = NonNull::new(ptr::with_exposed_provenance_mut::<G>(value & !TAGS));
    // SAFETY: the value came out of a switch: the G in it has left its stack, and its context is saved. The M
    // is inside and has the P that the switch was made with.
    unsafe {
        announce_arrival(m, left);
        if let Some(g) = left {
            let within = Within::assume(m);
            match value & TAGS {
                t if t == Tag::Yield as usize => requeue(within, g),
                t if t == Tag::Park as usize => commit::<P>(within, g),
                _ => post_exit::<P>(within, g),
            }
        }
    }
    m
}

/// Tells memory checkers that the stack has changed, from that of `left`, or from g0. The code that runs on
/// an M from now on owns what the code before it worked on there; nothing orders the two but their switch.
///
/// # Safety
///
/// As [`resumed`]; `left` must be what the switch came from, and `m` the calling M.
#[inline(always)]
unsafe fn announce_arrival(m: &'static M, left: Option<NonNull<G>>) {
    if !tools::ON {
        return;
    }
    // SAFETY: the goroutine that was left is not published yet, the one that runs is alive, and `m` is the
    // caller's.
    unsafe {
        match left {
            Some(g) => g.as_ref().present_fiber().left(),
            None => m.fiber.left(),
        }
        match m.curg() {
            Some(g) => g.as_ref().present_fiber().after_switch(),
            None => m.fiber.after_switch(),
        }
    }
}

/// A goroutine that yielded goes behind all the rest.
///
/// # Safety
///
/// `g` must have left its stack on this M, runnable and in no queue.
#[inline(always)]
unsafe fn requeue(within: &Within, g: NonNull<G>) {
    // SAFETY: runnable and in no queue, as the caller ensures.
    unsafe { within.core().requeue(within, g) };
}

/// A goroutine that parks: its unlock function lets wakers find it, or refuses the park.
///
/// # Safety
///
/// `g` must have left its stack on this M to park, its unlock function set.
#[inline(always)]
unsafe fn commit<P: Platform>(within: &Within, g: NonNull<G>) {
    // SAFETY: the park has set both words; after the call the G may be anywhere.
    unsafe {
        if within.core().phase() != phase::OPEN {
            return commit_closing::<P>(within, g);
        }
        g.as_ref().status.set(status::PARKED);
        let parked = match g.as_ref().unlock.get() {
            Some(unlock) => unlock(g.as_ref().unlock_arg.get(), g),
            None => true,
        };
        if !parked {
            ready_from::<P>(Some(within), within.core(), g);
        }
    }
}

/// A goroutine that has ended: its joiner is told, or it is freed.
///
/// ```text
///   join word        0 ──── commit (join) ───▶ waiter
///                    │ │                         │ post_exit
///        drop handle │ │ post_exit               ▼
///                    │ └──────────────────────▶ DONE ──▶ the joiner takes the result
///                    ▼                                    and frees the G
///                 DETACHED ── post_exit ──▶ freed by the M it ended on
/// ```
///
/// The last touch of the G is the store of DONE, after the switch away from its stack: so a joiner that sees
/// DONE may use the stack again.
///
/// # Safety
///
/// `g` must have left its stack on this M for good: nothing on it is live.
unsafe fn post_exit<P: Platform>(within: &Within, g: NonNull<G>) {
    // SAFETY: `g` is this step's until DONE is stored.
    unsafe {
        let this = g.as_ref();
        let ended = &within.p().counts.ended;
        let word = this.join.load(Ordering::Acquire);
        let own = own_joiner(word);
        if own.is_none() && word == DETACHED && this.run.get().is_some() {
            // The handle went while the goroutine was ending: it drops its result itself.
            return run_again::<P>(within, g);
        }
        let locks = this.locks.get();
        let scope = this.scope.get();
        this.status.set(status::DEAD);
        ended.store(ended.load(Ordering::Relaxed) + 1, Ordering::Release);
        within.load.end();
        if let Some(waiter) = own
            && within.core().phase() == phase::OPEN
        {
            // A joiner of this scheduler waits until it is woken, so the word stands still. (From CLOSING on it
            // may leave of its own accord, and a stranger at any time: then the swap below decides which of the
            // two was first.)
            let next = (*waiter).g;
            // Release: pairs with the joiner's load.
            this.join.store(DONE, Ordering::Release);
            if next != within.g.load(Ordering::Relaxed) {
                Waiter::wake::<P>(waiter, Some(within));
            }
        } else if word == DETACHED {
            free(within, g);
        } else {
            match this.join.swap(DONE, Ordering::AcqRel) {
                0 => {}
                DETACHED if this.run.get().is_some() => {
                    // As above, a moment later.
                    this.join.store(DETACHED, Ordering::Relaxed);
                    this.status.set(status::RUNNABLE);
                    ended.store(ended.load(Ordering::Relaxed) - 1, Ordering::Release);
                    within.load.begin();
                    return run_again::<P>(within, g);
                }
                DETACHED => free(within, g),
                word => {
                    // The end of the run may have begun after this M had switched to the joiner.
                    let next = (*joiner(word)).g;
                    if next.is_null() || next != within.g.load(Ordering::Relaxed) {
                        Waiter::wake::<P>(joiner(word), Some(within));
                    }
                }
            }
        }
        if let Some(scope) = scope.as_ref() {
            scope.done::<P>(within);
        }
        if locks != Locks::NONE {
            // The start lock alone leaves the thread to the next goroutine that starts.
            within.lock.dying.set(locks != Locks::START);
        }
        if within.core().end.main_left.load(Ordering::Relaxed) != main_left::NOT {
            after_main::<P>(within, g);
        }
    }
}

/// As the end of [`post_exit`], when main has left, or is `g` and has just done so.
///
/// # Safety
///
/// As [`post_exit`]; nothing may be read of `g`.
#[cold]
unsafe fn after_main<P: Platform>(within: &Within, g: NonNull<G>) {
    let (core, m) = (within.core(), within.m());
    // SAFETY: the flags are this thread's.
    unsafe {
        if within.lock.wired.get() {
            // What runs here is main: the thread goes back to what has begun the run.
            within.lock.dying.set(true);
        } else if ptr::eq(core.end.conductor.load(Ordering::Relaxed), m)
            && core.end.main_g.load(Ordering::Relaxed) == g.as_ptr()
        {
            // There may be no other M to unwind the rest on, even if main has locked this one.
            within.lock.dying.set(false);
        }
    }
    if core.end.main_left.load(Ordering::Relaxed) == main_left::EXITED {
        core.halt_after_last::<P>(Some(within.p()));
    } else {
        core.end_after_main::<P>(g);
    }
}

/// A goroutine that was to end has something left to do. It has not parked, so neither a waker nor the end of
/// the run knows of it, and there is no status to look at.
///
/// # Safety
///
/// `g` must have left its stack on this M, runnable and in no queue.
unsafe fn run_again<P: Platform>(within: &Within, g: NonNull<G>) {
    // SAFETY: runnable and in no queue, as the caller ensures; if it is locked, `after_exit` has taken it out
    // of the lockers.
    unsafe {
        if g.as_ref().locks.get() != Locks::NONE {
            join_lockers(within.m(), g);
        }
        g.as_ref().was_measured.set(true);
        if within.core().deliver::<P>(Some(within), g, true) {
            wake_from::<P>(within.m());
        }
    }
}
