//! Where a G goes that starts or yields (L15).
//!
//! | the G | goes to |
//! |---|---|
//! | started, or made ready, by a goroutine, while a P is idle or an M searches | the ring, where it can be stolen; so does what was in `runnext` |
//! | made ready by a goroutine, on one CPU | `runnext`; what was there, to the ring |
//! | either, while all Ps are busy | `runnext`; what was there, to the ring |
//! | yielding | the ring, or the local list if it is bound: at the tail |
//! | in a ring that is full | the global queue, with the older half of the ring |
//!
//! First the G is in `runnext`, then the publisher looks ([`hunger`](crate::parts::hunger)) and moves it: an M that
//! rests says so first and looks at `runnext` then, so one of the two sees the other (L11). The other way round the
//! M could look before the G is there, and the publisher before the M rests.

use core::ptr::NonNull;

use super::local_list;
use crate::objects::g::G;
use crate::objects::inside::{OwnedP, Within};
use crate::objects::shared::Core;
use crate::parts::light_fence::light_fence;
use crate::platform::Platform;

impl Core {
    /// Puts `g` at the tail of `p`'s ring.
    ///
    /// # Safety
    ///
    /// `g` must be runnable, unbound and in no queue.
    #[inline]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn append(&'static self, p: &OwnedP, g: NonNull<G>) -> bool {
        // SAFETY: in no queue, says the caller.
        unsafe { self.push_back(p, g) };
        light_fence(self.config.symmetric);
        self.ring_lacks_searcher(p)
    }

    /// Puts `g` at the tail of `p`'s ring, and wakes none.
    ///
    /// # Safety
    ///
    /// As [`append`](Self::append).
    #[inline(always)]
    unsafe fn push_back(&'static self, p: &OwnedP, g: NonNull<G>) {
        if let Err(g) = p.push(g) {
            // SAFETY: in no queue, says the caller; the ring has not taken it.
            unsafe { self.overflow(p, g) };
        }
    }

    /// Returns whether an M must be woken for what is in `p`'s ring.
    #[inline(always)]
    fn ring_lacks_searcher(&self, p: &OwnedP) -> bool {
        let look = self.work.hunger.look();
        look.lacks_searcher() && (!look.naps() || p.runq.len() > 1)
    }

    /// Puts `g`, which has been made ready, before the rest of `p`'s queue; where an M could run it meanwhile, it can
    /// be stolen.
    ///
    /// # Safety
    ///
    /// As [`append`](Self::append).
    #[inline(always)]
    #[must_use = "when true, an M must be woken"]
    pub(super) unsafe fn put_next<P: Platform>(&'static self, p: &OwnedP, g: NonNull<G>) -> bool {
        // SAFETY: as the caller ensures.
        let displaced = unsafe { self.replace_next(p, g) };
        !self.work.hunger.is_zero(self.config.symmetric) && self.offer_ready::<P>(p, displaced)
    }

    /// Puts `g` into `runnext`, and what was there into the ring; returns whether that was so.
    ///
    /// # Safety
    ///
    /// As [`append`](Self::append).
    #[inline(always)]
    unsafe fn replace_next(&'static self, p: &OwnedP, g: NonNull<G>) -> bool {
        let Some(old) = p.replace_next(Some(g)) else { return false };
        // SAFETY: `old` was in `runnext` alone, and what is there is unbound.
        unsafe { self.push_back(p, old) };
        true
    }

    /// As [`offer_next`](Self::offer_next), of what has been made ready. On one CPU it stays where it is: an M that took
    /// it would run in its P's stead, not beside it. What was `displaced` is in the ring, and may run anywhere.
    #[cold]
    #[inline(never)]
    fn offer_ready<P: Platform>(&'static self, p: &OwnedP, displaced: bool) -> bool {
        if self.is_parallel::<P>() {
            return self.offer_next(p);
        }
        displaced && self.wants_wake()
    }

    /// Moves what is in `p`'s `runnext` to the ring, where it can be stolen, if an M could run it. Out of line: with
    /// it, all that makes ready would be longer by forty instructions.
    #[cold]
    #[inline(never)]
    fn offer_next(&'static self, p: &OwnedP) -> bool {
        light_fence(self.config.symmetric);
        if !self.work.hunger.look().is_any() {
            return false;
        }
        self.expose_next(p)
    }

    /// Moves what is in `p`'s `runnext`, which thieves do not reach, to the ring. Returns whether an M must be woken.
    #[must_use = "when true, an M must be woken"]
    pub(super) fn expose_next(&'static self, p: &OwnedP) -> bool {
        // SAFETY: it was in `runnext` alone, and what is there is unbound.
        p.replace_next(None).is_some_and(|g| unsafe { self.append(p, g) })
    }

    /// Puts `g`, which the running goroutine has just started, into a queue of its P.
    ///
    /// # Safety
    ///
    /// As [`append`](Self::append).
    #[inline(always)]
    #[must_use = "when true, an M must be woken"]
    pub(crate) unsafe fn place_started(&'static self, p: &OwnedP, g: NonNull<G>) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { self.replace_next(p, g) };
        !self.work.hunger.is_zero(self.config.symmetric) && self.offer_next(p)
    }

    /// Puts `g`, which has yielded on `m`, at the tail of its queue.
    ///
    /// # Safety
    ///
    /// `g` must have left its stack on `m`, and be in no queue.
    #[inline(always)]
    pub(crate) unsafe fn requeue(&'static self, m: &Within, g: NonNull<G>) {
        // SAFETY: `g` ran on `m`, so it is unbound or bound here; it is in no queue, says the caller.
        unsafe {
            if g.as_ref().bound.get().is_null() {
                // No wake: one came into the ring, and one has just left a queue (see `sight`).
                self.push_back(m.p(), g);
            } else {
                local_list::push_back(m, g);
            }
        }
    }
}
