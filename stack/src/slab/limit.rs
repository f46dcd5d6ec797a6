//! How many bytes the stacks of a source take together, and how many they may.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::{Class, StackError};

/// The count. Stacks are counted when they are made, and stay counted: a source keeps what it has made.
pub(super) struct Limit {
    most: usize,
    // Core's and not the facade's: a sum alone, which orders nothing, so that no model is needed.
    taken: AtomicUsize,
}

impl Limit {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0) }
    }

    /// Counts as many more stacks of the class as there is room for, at most `wanted`; returns how many.
    ///
    /// # Errors
    /// [`StackError::Limit`] if there is no room for one, be it that none is wanted now.
    pub(super) fn take(&self, class: Class, wanted: usize) -> Result<usize, StackError> {
        let mut taken = self.taken.load(Ordering::Relaxed);
        loop {
            let room = self.most.saturating_sub(taken) / class.size();
            if room == 0 {
                return Err(StackError::Limit { bytes: self.most });
            }
            let more = wanted.min(room);
            let now = taken + more * class.size();
            match self.taken.compare_exchange(taken, now, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(more),
                Err(other) => taken = other,
            }
        }
    }

    /// Returns the bytes of all stacks.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}
