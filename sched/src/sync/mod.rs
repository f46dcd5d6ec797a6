//! What goroutines block on. Threads that are no Ms may use it too: they block.

pub mod chan;
mod lock;
#[cfg(feature = "alloc")]
pub mod mpmc;
mod queue;
pub mod waitgroup;
