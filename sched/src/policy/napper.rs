//! The one M that naps: how it takes the role, and how it leaves it (L11). See [`nap`](super::nap).

use crate::objects::inside::Stay;
use crate::objects::m::M;
use crate::objects::shared::Core;

/// The first nap, nanoseconds.
const FIRST: u32 = 50_000;

/// How an M leaves its rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NapEnds {
    /// With a P.
    WithP,
    /// It waits for one, for none is idle.
    WithoutP,
}

/// `m`, at rest, is about to leave it. If it napped it does so no more; with a P it searches in its stead. The
/// scheduler's lock must be held.
pub(super) fn nap_ends(m: &'static M, how: NapEnds) {
    // SAFETY: under the lock; `searching` of an M at rest is its waker's.
    unsafe {
        if !m.links.napping.replace(false) {
            return;
        }
        let hunger = &m.core().work.hunger;
        if how == NapEnds::WithP && !m.spin.searching.replace(true) {
            // Before the nap ends: publishers see one of the two.
            hunger.add_searching();
        }
        hunger.end_nap();
    }
}

impl Core {
    /// Makes the calling M, at rest, the one that naps; returns false when there is one, or it is at rest no more.
    pub(super) fn begin_nap(&self, stay: &Stay) -> bool {
        let m = stay.m();
        let _sched = self.sched.lock();
        // SAFETY: under the lock; the lengths are the calling thread's.
        unsafe {
            if !m.links.state.get().is_rest() || !self.work.hunger.begin_nap() {
                return false;
            }
            m.links.napping.set(true);
            m.spin.nap.set(FIRST);
            m.spin.vain_naps.set(0);
        }
        true
    }

    /// The calling M, at rest, naps no more; returns whether it did.
    pub(super) fn end_nap(&self, stay: &Stay) -> bool {
        let _sched = self.sched.lock();
        // SAFETY: under the lock.
        let napped = unsafe { stay.m().links.napping.replace(false) };
        if napped {
            self.work.hunger.end_nap();
        }
        napped
    }
}
