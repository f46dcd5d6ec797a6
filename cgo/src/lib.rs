//! Foreign calls and callbacks.
#![no_std]

use core::convert::Infallible;
use core::marker::PhantomData;

mod call;
mod callback;
mod export;
mod runtime;
#[cfg(feature = "sched")]
mod sched;
mod word;

pub use call::Call;
#[cfg(feature = "std")]
pub use g0_defer::Rust;
pub use g0_defer::{NoUnwind, Unwind};
pub use runtime::{BadCall, Here, Runtime, Seat};
#[cfg(feature = "sched")]
pub use sched::Sched;
#[cfg(all(feature = "sched", feature = "std"))]
pub use sched::hosted::{call, call_blocking, call_leaf, callback};

/// The bridge of one runtime; a name for its functions, never a value.
///
/// Give yours a short alias: `type C = g0_cgo::Bridge<MyRuntime>;`, then `C::call(|| ..)`.
#[derive(Debug)]
pub struct Bridge<R>(Infallible, PhantomData<R>);
