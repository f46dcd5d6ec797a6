//! Deferred calls, panic and Goexit.
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod goexit;
#[cfg(feature = "std")]
mod panics;
#[cfg(feature = "std")]
mod rust;
mod unwind;

pub use goexit::Goexit;
#[cfg(feature = "std")]
pub use panics::Panics;
#[cfg(feature = "std")]
pub use rust::{Payload, Rust, is_goexit};
pub use unwind::{NoUnwind, Throw, Unwind};
