//! What an M is told to do.

use core::ptr::NonNull;

use crate::objects::g::G;

/// What an M does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this G. The M has a P and is inside.
    Run(NonNull<G>),
    /// Park until `nextp` is set, then call `Core::woken` and ask again. After a wake without it the M
    /// must ask `Core::spurious_wakeup`.
    Wait,
    /// The same, until this deadline at most, nanoseconds.
    WaitUntil(u64),
    /// Conduct the end of the run: look at it, then ask again.
    Conduct,
    /// The scheduler has halted, or the goroutine that had locked the thread has ended: the thread ends.
    Stop,
}
