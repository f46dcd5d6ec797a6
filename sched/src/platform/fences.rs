//! The dear side of the pairs of fences, and how the two are chosen.

use g0_arch::sync::atomic::{Ordering, fence};

use super::Platform;

/// How an M that enters the scheduler is ordered against one that takes its P away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fences {
    /// Asymmetric where the platform can, else symmetric.
    #[default]
    Auto,
    /// The entering side pays nothing but a compiler fence; the taking side calls
    /// [`Platform::heavy_fence`], which makes every running thread pass a full barrier.
    Asymmetric,
    /// Both sides execute a sequentially consistent fence.
    Symmetric,
}

/// Passes the dear side of the fence pair; see [`light_fence`](crate::parts::light_fence::light_fence).
#[cfg_attr(loom, track_caller)]
pub(crate) fn heavy_fence<P: Platform>(symmetric: bool) {
    if symmetric {
        fence(Ordering::SeqCst);
    } else {
        P::heavy_fence();
    }
}
