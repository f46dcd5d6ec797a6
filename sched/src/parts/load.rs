//! How many goroutines an M is home to: what the pinned runtime spreads new ones by (`policy::placement`).

use super::stat_atomic::{AtomicUsize, Ordering};

/// How many goroutines have started on an M and not ended, and from how many on a new one looks for another M.
/// Written by the M's own thread, but for the limit, which a change of the number of Ps resets.
///
/// Where goroutines migrate one may end elsewhere than it has started, and the number means nothing: there the
/// limit is never reached.
#[derive(Debug)]
pub(crate) struct Load {
    goroutines: AtomicUsize,
    limit: AtomicUsize,
    /// What the limit is set to when the M rests.
    quota: AtomicUsize,
}

/// A limit that is never reached.
const NEVER: usize = isize::MAX as usize;

impl Load {
    maybe_const! {
        /// Returns that of an M whose goroutines are never looked after.
        pub(crate) fn new() -> Self {
            Self {
                goroutines: AtomicUsize::new(0),
                limit: AtomicUsize::new(NEVER),
                quota: AtomicUsize::new(NEVER),
            }
        }
    }

    /// Sets from how many goroutines on a new one looks for another M. Before the M is started.
    pub(crate) fn set_quota(&self, quota: usize) {
        self.quota.store(quota, Ordering::Relaxed);
        self.reset();
    }

    /// `more` goroutines are worth is added for one that has begun, and the quota is `quota` from now on, unless it
    /// is never reached. By the M's thread.
    pub(crate) fn weigh(&self, more: usize, quota: usize) {
        if self.quota.load(Ordering::Relaxed) != NEVER {
            self.set_quota(quota);
            self.goroutines.store(self.get().wrapping_add(more), Ordering::Relaxed);
        }
    }

    /// A goroutine begins. By the M's thread.
    #[inline(always)]
    pub(crate) fn begin(&self) {
        // Relaxed: one writer, and a reader elsewhere takes it for a hint.
        self.goroutines.store(self.get().wrapping_add(1), Ordering::Relaxed);
    }

    /// A goroutine has ended. By the M's thread.
    #[inline(always)]
    pub(crate) fn end(&self) {
        // Relaxed: as in `begin`.
        self.goroutines.store(self.get().wrapping_sub(1), Ordering::Relaxed);
    }

    /// Returns how many there are. Any thread, as a hint.
    #[inline(always)]
    pub(crate) fn get(&self) -> usize {
        self.goroutines.load(Ordering::Relaxed)
    }

    /// Returns what the limit is set to when the M rests. Any thread, as a hint.
    pub(crate) fn quota(&self) -> usize {
        self.quota.load(Ordering::Relaxed)
    }

    /// Returns whether a new goroutine looks for another M. By the M's thread.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        // Signed: where goroutines migrate the number may lie below zero.
        self.get() as isize >= self.limit.load(Ordering::Relaxed) as isize
    }

    /// A look was in vain: the next one is due at `limit` goroutines.
    pub(crate) fn look_again_at(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// No look is due until the M rests.
    pub(crate) fn stop_looking(&self) {
        self.look_again_at(NEVER);
    }

    /// The next look is due at the quota.
    pub(crate) fn reset(&self) {
        self.look_again_at(self.quota.load(Ordering::Relaxed));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Load;

    #[test]
    fn where_goroutines_migrate_no_number_is_full() {
        let load = Load::new();
        assert!(!load.is_full());
        load.end();
        assert!(!load.is_full(), "below zero");
        load.weigh(1, 2);
        load.reset();
        (0..100).for_each(|_| load.begin());
        assert!(!load.is_full());
    }

    #[test]
    fn a_look_in_vain_is_repeated_at_its_limit_and_after_a_rest() {
        let load = Load::new();
        load.set_quota(3);
        (0..3).for_each(|_| load.begin());
        assert!(load.is_full());
        load.look_again_at(5);
        load.begin();
        assert!(!load.is_full());
        load.begin();
        assert!(load.is_full());
        load.stop_looking();
        assert!(!load.is_full());
        load.reset();
        assert!(load.is_full());
        (0..3).for_each(|_| load.end());
        assert!(!load.is_full());
    }

    #[test]
    fn one_that_weighs_more_fills_an_m_sooner() {
        let load = Load::new();
        load.set_quota(3);
        load.begin();
        assert!(!load.is_full());
        load.weigh(1, 2);
        assert!(load.is_full());
        assert_eq!(load.get(), 2);
    }
}
