//! How many goroutines a scope waits for, and where its waiter is.
//!
//! A G names its scope's state, so the state names no type of a waiter: what leads to that, and back, are
//! the functions in [`waiter`](super::waiter).

use core::ptr;

use g0_arch::sync::OwnedCell;
use g0_arch::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Set in `running` while the scope's owner waits.
pub(crate) const WAITING: usize = 1 << (usize::BITS - 1);

/// What the owner of a scope and its goroutines share; lies in the owner's frame.
#[derive(Debug)]
pub struct ScopeState {
    /// Goroutines that have not ended, and [`WAITING`].
    pub(crate) running: AtomicUsize,
    /// A goroutine without a joiner has panicked.
    pub(crate) panicked: AtomicBool,
    /// The owner's [`Waiter`](super::waiter::Waiter). Written before `WAITING` is set, read after the last
    /// goroutine has found that set.
    pub(super) waiter: OwnedCell<*const ()>,
}

impl ScopeState {
    /// Of a scope without goroutines.
    pub(crate) fn new() -> Self {
        Self {
            running: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            waiter: OwnedCell::new(ptr::null()),
        }
    }

    /// Marks that a goroutine of the scope has panicked that has no joiner.
    pub(crate) fn panicked(&self) {
        self.panicked.store(true, Ordering::Relaxed);
    }
}
