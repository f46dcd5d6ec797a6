//! What goroutines block on. Threads that are no Ms may use it too: they block.

pub mod chan;
pub mod condvar;
mod lock;
#[cfg(feature = "alloc")]
pub mod mpmc;
pub mod mutex;
pub mod poison;
mod queue;
mod spin;
pub mod waitgroup;
