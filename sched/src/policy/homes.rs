//! How many goroutines an M is home to, and from how many on that matters, on the pinned runtime.

use crate::objects::m::M;
use crate::objects::shared::Core;

/// From how many goroutines on an M looks for another one before a new one begins: two that are started together by
/// a third stay together.
pub(super) const QUOTA: usize = 3;
/// The same of main's M, on which main counts as many.
const WITH_MAIN: usize = 2;
/// From how many on an M is crowded.
const CROWD: usize = 6;

/// Main begins on `m`, the calling M.
pub(crate) fn weigh_main(m: &M) {
    m.load.weigh(WITH_MAIN - 1, WITH_MAIN);
}

/// Returns whether main is bound to `m`.
pub(super) fn is_mains(m: &M) -> bool {
    m.load.quota() == WITH_MAIN
}

/// Returns whether `m` is home to so many that main's M, if it is busy, counts for none.
pub(super) fn is_crowded(m: &M) -> bool {
    m.load.get() >= CROWD && !is_mains(m)
}

impl Core {
    /// Returns whether goroutines are spread over Ms.
    pub(super) fn spreads(&self) -> bool {
        !self.config.mobility.migrates() && self.config.procs.len() > 1
    }

    /// Returns whether goroutines that wait are bound to `m`, so that another M may send one.
    pub(super) fn may_get_mail(&self, m: &M) -> bool {
        self.spreads() && m.load.get() != 0
    }
}
