//! Where one thread waits.

use g0_arch::sync::atomic::{AtomicU32, AtomicUsize};

/// Where one thread waits: at most one token is stored.
///
/// The two words belong to the platform; both are 0 at first.
#[derive(Debug)]
pub struct Parker {
    /// The token, or a futex word.
    pub word: AtomicU32,
    /// A thread handle, a core number: whatever the platform needs to find the waiter.
    pub handle: AtomicUsize,
}

impl Parker {
    maybe_const! {
        /// Returns a parker without a token.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(0), handle: AtomicUsize::new(0) }
        }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}
