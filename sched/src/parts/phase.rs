//! How far a scheduler has come with its end.

/// At work.
pub(crate) const OPEN: usize = 0;
/// The main goroutine has returned: what waits, runs or has not started is being unwound.
pub(crate) const CLOSING: usize = 1;
/// Ms end.
pub(crate) const HALTED: usize = 2;

/// How the main goroutine has left.
pub(crate) mod main_left {
    /// It has not.
    pub(crate) const NOT: usize = 0;
    /// By Goexit: the run goes on.
    pub(crate) const EXITED: usize = 1;
    /// It has returned, or a panic has ended it: that ends the run.
    pub(crate) const RETURNED: usize = 2;
}
