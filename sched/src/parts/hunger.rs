//! Whether anything could run more than there is: one word, which each publisher of work reads.
//!
//! ```text
//!   bit  0            BITS / 2         BITS - 2
//!        ┌────────────┬────────────────┬───┬───┐   N: an M at rest naps, and looks again soon
//!        │ idle Ps    │ searching Ms   │ S │ N │   S: fences are symmetric: never zero
//!        └────────────┴────────────────┴───┴───┘
//! ```
//!
//! While the word is zero a G that is made ready or started goes to `runnext`, and costs nothing but the look. (Where
//! fences are symmetric, that is found out behind a fence, out of line.) Else it goes to the ring, where an M that
//! searches finds it, and if there is none, one is woken:
//!
//! | the publisher | wakes an M when a P is idle and |
//! |---|---|
//! | has put a G into its ring, with others | none searches |
//! | has put a G into its empty ring | none searches, nor naps |
//! | has no P: the global queue | none searches |
//!
//! A G alone in a ring is, as often as not, one that runs there at once: two goroutines that hand each other a
//! channel look so at each moment. The M that naps finds out which it is; an M that is woken could only do the same.
//! It looks at the global queue no sooner, and there is no such doubt about that.

use g0_arch::CachePadded;
use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::light_fence::light_fence;

/// One searching M.
const SEARCHING: usize = 1 << (usize::BITS / 2);
/// Fences are symmetric.
const SYMMETRIC: usize = 1 << (usize::BITS - 2);
/// An M naps.
const NAPPING: usize = 1 << (usize::BITS - 1);

/// The word. On a cache line of its own: all publishers read it.
pub(crate) struct Hunger(CachePadded<AtomicUsize>);

/// What it said.
#[derive(Clone, Copy)]
pub(crate) struct Look(usize);

impl Look {
    /// Returns whether a P is idle, or an M searches or naps.
    #[inline(always)]
    pub(crate) fn is_any(self) -> bool {
        self.0 & !SYMMETRIC != 0
    }

    /// Returns how many Ps are on the idle list.
    #[inline(always)]
    pub(crate) fn idle_ps(self) -> usize {
        self.0 % SEARCHING
    }

    /// Returns how many Ms search, those included that a waker has sent to search.
    #[inline(always)]
    pub(crate) fn searching(self) -> usize {
        self.0 % SYMMETRIC / SEARCHING
    }

    /// Returns whether an M naps.
    #[inline(always)]
    pub(crate) fn naps(self) -> bool {
        self.0 & NAPPING != 0
    }

    /// Returns whether a P is idle and no M searches.
    #[inline(always)]
    pub(crate) fn lacks_searcher(self) -> bool {
        self.idle_ps() != 0 && self.searching() == 0
    }
}

impl Hunger {
    maybe_const! {
        pub(crate) fn new(symmetric: bool) -> Self {
            Self(CachePadded::new(AtomicUsize::new(if symmetric { SYMMETRIC } else { 0 })))
        }
    }

    /// Returns whether the word is zero, a moment after the caller has published something. Else it must pass the
    /// light fence and look again.
    #[inline(always)]
    pub(crate) fn is_zero(&self, _symmetric: bool) -> bool {
        // In models that load, which says nothing there, would multiply what there is to explore.
        #[cfg(loom)]
        if _symmetric {
            return false;
        }
        // The asymmetric one: a word that is zero says that fences are.
        light_fence(false);
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Returns what the word says now.
    #[inline(always)]
    pub(crate) fn look(&self) -> Look {
        // Relaxed: a publisher that must be seen, or must see, passes a fence before (`Core::wants_wake`).
        Look(self.0.load(Ordering::Relaxed))
    }

    /// A P is idle from now on. Under the scheduler's lock.
    pub(crate) fn add_idle(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    /// So many Ps are idle no more. Under the scheduler's lock.
    pub(crate) fn sub_idle(&self, ps: usize) {
        // Relaxed: the lock orders it.
        self.0.fetch_sub(ps, Ordering::Relaxed);
    }

    /// An M searches from now on.
    pub(crate) fn add_searching(&self) {
        // AcqRel: publishers that see it leave the looking to this M.
        self.0.fetch_add(SEARCHING, Ordering::AcqRel);
    }

    /// An M searches no more; returns whether it was the last.
    pub(crate) fn sub_searching(&self) -> bool {
        Look(self.0.fetch_sub(SEARCHING, Ordering::AcqRel)).searching() == 1
    }

    /// Counts an M as searching if none does; returns whether it did.
    pub(crate) fn search_alone(&self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while Look(word).searching() == 0 {
            let next = word + SEARCHING;
            // AcqRel: one waker at a time takes the role.
            match self.0.compare_exchange(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// An M naps from now on; returns false when another one does. Under the scheduler's lock.
    pub(crate) fn begin_nap(&self) -> bool {
        self.0.fetch_or(NAPPING, Ordering::AcqRel) & NAPPING == 0
    }

    /// The M that napped does so no more. Under the scheduler's lock.
    pub(crate) fn end_nap(&self) {
        self.0.fetch_and(!NAPPING, Ordering::AcqRel);
    }
}
