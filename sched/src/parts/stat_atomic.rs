//! Atomics that nothing goes wrong by, whatever they say: what statistics and reports read, and hints.
//!
//! Models do not see them: each would multiply what there is to explore.

#[cfg(loom)]
pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
#[cfg(not(loom))]
pub(crate) use g0_arch::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
