//! What models look at.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

// Core's and not the facade's: they are no part of a model.
static MADE: AtomicUsize = AtomicUsize::new(0);
static GONE: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn make() {
    MADE.fetch_add(1, Relaxed);
}

pub(crate) fn lose() {
    GONE.fetch_add(1, Relaxed);
}

/// Returns how many records the allocator gave and got since [`begin`].
pub fn records() -> (usize, usize) {
    (MADE.load(Relaxed), GONE.load(Relaxed))
}

/// Counts anew.
pub fn begin() {
    MADE.store(0, Relaxed);
    GONE.store(0, Relaxed);
}
