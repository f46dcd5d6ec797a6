//! A count for statistics.

use super::stat_atomic;

/// A count with one writer at a time.
#[derive(Debug)]
pub(crate) struct Count(stat_atomic::AtomicU64);

impl Count {
    pub(crate) const fn new() -> Self {
        Self(stat_atomic::AtomicU64::new(0))
    }

    /// By its one writer.
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        // Relaxed: no other writer, and no reader decides by it.
        self.0.store(
            self.0.load(stat_atomic::Ordering::Relaxed).wrapping_add(n),
            stat_atomic::Ordering::Relaxed,
        );
    }

    /// By any of several, where time does not matter.
    pub(crate) fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, stat_atomic::Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(stat_atomic::Ordering::Relaxed)
    }
}
