//! The one place from which the g0 crates take atomics, cells and locks.
//!
//! Outside of loom these are core's atomics, a cell and a spin lock, and every constructor is
//! `const`, so that all state of a scheduler can lie in statics. Under `--cfg loom` each is loom's:
//! the model runs the shipped source through every interleaving, within bounds. Loom's are made at
//! run time and belong to one run of a model, so constructors are not `const` there, and statics are
//! for the code that no model reaches.
//!
//! | | outside of loom | under loom |
//! |---|---|---|
//! | [`atomic`] | `core::sync::atomic` | `loom::sync::atomic`, which can tell where they were used (`recorded`) |
//! | [`cell::UnsafeCell`] | loom's interface over core's cell, and `get` | loom's |
//! | [`OwnedCell`], [`WatchedPtr`] | plain memory, whose user the protocol names | the same, and a race on it is reported |
//! | [`Mutex`] | a spin lock that waits by [`Backoff`] | loom's lock |
//! | [`Backoff`] | crossbeam's | every wait runs another thread of the model |
//! | [`hint`] | `core::hint` | loom's |
//!
//! With `--cfg g0_shuttle` as well, it is shuttle's in place of loom's: one schedule at random of many
//! threads and many steps, where every access is sequentially consistent.
//!
//! Each of the two is an optional dependency: beside its cfg its feature, `loom` or `shuttle`, must be on.

/// A function that is `const` except under loom, whose objects are made at run time.
///
/// For the g0 crates among themselves, and no part of the interface.
#[doc(hidden)]
#[macro_export]
macro_rules! const_unless_loom {
    ($(#[$attr:meta])* $vis:vis unsafe fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attr])*
        $vis const unsafe fn $($rest)*
        #[cfg(loom)]
        $(#[$attr])*
        $vis unsafe fn $($rest)*
    };
    ($(#[$attr:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attr])*
        $vis const fn $($rest)*
        #[cfg(loom)]
        $(#[$attr])*
        $vis fn $($rest)*
    };
}

pub mod atomic;
mod backoff;
pub mod cell;
pub mod hint;
mod mutex;
mod owned_cell;
#[cfg(loom)]
pub mod recorded;

pub use backoff::Backoff;
pub use mutex::{Mutex, MutexGuard};
pub use owned_cell::{OwnedCell, WatchedPtr, load_owned};
