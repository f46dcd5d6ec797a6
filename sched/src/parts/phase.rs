//! How far a scheduler has come with its end.

/// At work.
pub(crate) const OPEN: usize = 0;
/// The main goroutine has returned: what is parked is being unwound, nothing starts.
pub(crate) const CLOSING: usize = 1;
/// Ms end.
pub(crate) const HALTED: usize = 2;
