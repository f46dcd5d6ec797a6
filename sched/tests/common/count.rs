//! Values that are counted when they are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts its values: made and dropped.
#[derive(Clone, Default)]
pub struct Count(Arc<(AtomicUsize, AtomicUsize)>);

/// A counted value.
pub struct Counted(Count);

impl Count {
    pub fn new() -> Self {
        Self::default()
    }

    /// A new value.
    pub fn one(&self) -> Counted {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    pub fn made(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub fn dropped(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }

    /// `n` values have been made, and each was dropped once.
    #[track_caller]
    pub fn assert_all_dropped(&self, n: usize) {
        assert_eq!((self.made(), self.dropped()), (n, n), "values made and dropped");
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::SeqCst);
    }
}
