//! Futures in goroutines.
//!
//! [`block_on`] runs a future to its end on the goroutine that calls it: the goroutine polls it on
//! its own stack and parks between polls. There is no executor and no task: the goroutine is both,
//! and its address is the waker. So every crate of the async world that brings no executor of its
//! own works in goroutines: its reactor, its timer thread or its interrupt handler wakes them.
//!
//! ```text
//!   goroutine                                         the thread that has the waker
//!   poll: Pending, a clone of the waker is kept ───▶  …
//!   token there? take it and poll again
//!   else park (token: PARKED)                  ◀───   wake: token := TOKEN, and the G is made
//!   poll: Ready                                       ready as by any other wake
//! ```
//!
//! | file | what |
//! |---|---|
//! | `block_on` | the loop |
//! | `waker` | the G as a waker, without allocation |
//! | `thread` | the same for a thread that is no M, with the feature `alloc` |

pub(crate) mod block_on;
#[cfg(feature = "alloc")]
mod thread;
mod waker;

pub use block_on::block_on;
pub(crate) use block_on::run;
