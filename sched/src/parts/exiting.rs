//! Whether a goroutine is on its way out.

/// What has begun to unwind a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exiting {
    /// Nothing has, or a panic.
    No,
    /// Its own Goexit.
    Goexit,
    /// The end of the run, which does so once.
    Ended,
}
