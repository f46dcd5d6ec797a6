//! How many goroutines a scope waits for.

use g0_arch::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::waiter::Waiter;
use g0_arch::sync::OwnedCell;

/// Set while the scope's owner waits.
pub(crate) const WAITING: usize = 1 << (usize::BITS - 1);

/// How many goroutines a scope waits for, and who waits.
#[derive(Debug)]
pub struct ScopeState {
    pub(crate) running: AtomicUsize,
    pub(crate) panicked: AtomicBool,
    pub(crate) waiter: OwnedCell<*const Waiter>,
}

impl ScopeState {
    /// A goroutine of the scope has panicked and nobody joins it.
    pub(crate) fn panicked(&self) {
        self.panicked.store(true, Ordering::Relaxed);
    }
}
