//! Why a call could not be deferred.

use core::fmt;

/// There is no place for the record of a deferred call. Each variant tells the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeferError {
    /// Without an allocator a scope holds four calls of four words each, and as many more as its depot was
    /// given memory for; this is one more than that.
    FrameFull,
    /// Without an allocator no call captures more than 28 words.
    TooLarge,
    /// The allocator has no memory left.
    OutOfMemory,
}

impl fmt::Display for DeferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeferError::FrameFull => {
                "no place for the deferred call: a scope holds four that capture four words each; capture less, open \
                 a scope within, give the depot memory, or turn on g0-defer's feature `alloc`"
            }
            DeferError::TooLarge => {
                "no place for the deferred call: it captures more than 28 words; capture a reference, or turn on \
                 g0-defer's feature `alloc`"
            }
            DeferError::OutOfMemory => "no memory for the record of a deferred call",
        })
    }
}

impl core::error::Error for DeferError {}

/// A call that was not deferred, given back so that its owner can run it or defer it elsewhere.
pub struct Refused<F> {
    /// The call: it has not run.
    pub call: F,
    /// Why.
    pub error: DeferError,
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<F> core::error::Error for Refused<F> {}
