//! The one place from which the g0 crates take atomics, cells and locks.

pub mod atomic;
mod backoff;
pub mod cell;
pub mod hint;
mod mutex;

pub use backoff::Backoff;
pub use mutex::{Mutex, MutexGuard};
