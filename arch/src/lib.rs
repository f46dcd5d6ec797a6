//! Context switch, call on another stack and back, escape out of it; the atomics facade of the g0 crates.
#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod api;
mod native;
pub mod sync;
#[cfg(feature = "std")]
mod threads;
pub mod tools;

pub use api::{Arch, Call, Context, Entry};
pub use crossbeam_utils::CachePadded;
pub use native::*;
#[cfg(feature = "std")]
pub use threads::{ThreadContext, Threads};
