//! A goroutine's state, for threads that look from outside. The queues are what counts.

use g0_arch::sync::atomic::{AtomicU8, Ordering};

/// It has ended, or has not started: its [label](super::ident) may be written at this moment.
pub(crate) const DEAD: u8 = 0;
/// In a queue, or running.
pub(crate) const RUNNABLE: u8 = 1;
pub(crate) const PARKED: u8 = 2;

/// The word. Every change is a release: a thread that sees a state sees the label of the goroutine whose
/// state it is, and that costs no instruction.
#[derive(Debug)]
pub(crate) struct Status(AtomicU8);

impl Status {
    /// Of a G that has never run.
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(DEAD))
    }

    #[cfg_attr(loom, track_caller)]
    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> u8 {
        self.0.load(order)
    }

    #[inline(always)]
    pub(crate) fn set(&self, state: u8) {
        self.0.store(state, Ordering::Release);
    }
}
