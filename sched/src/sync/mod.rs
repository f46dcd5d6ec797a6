//! What goroutines block on. Threads that are no Ms may use it too: they block.

pub mod barrier;
pub mod chan;
pub mod condvar;
mod lock;
#[cfg(feature = "alloc")]
pub mod mpmc;
pub mod mutex;
pub mod once;
pub mod once_cell;
pub mod poison;
mod queue;
pub mod rwlock;
pub mod select;
pub mod semaphore;
mod spin;
pub mod waitgroup;
