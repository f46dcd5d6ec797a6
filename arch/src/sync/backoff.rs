//! How to wait a little.

#[cfg(not(loom))]
pub use crossbeam_utils::Backoff;

#[cfg(all(loom, not(g0_shuttle)))]
use loom::thread::yield_now;
#[cfg(all(loom, g0_shuttle))]
use shuttle::thread::yield_now;

/// Under loom every wait is a chance for the other threads of the model.
#[cfg(loom)]
#[derive(Debug, Default)]
pub struct Backoff;

#[cfg(loom)]
impl Backoff {
    /// As in `crossbeam_utils`.
    pub fn new() -> Self {
        Backoff
    }

    /// As in `crossbeam_utils`: there is nothing to reset.
    pub fn reset(&self) {}

    /// Lets the model run another thread.
    pub fn spin(&self) {
        yield_now();
    }

    /// Lets the model run another thread.
    pub fn snooze(&self) {
        yield_now();
    }

    /// Returns false: a model has no reason to prefer blocking.
    pub fn is_completed(&self) -> bool {
        false
    }
}
