//! Goroutines for programs written in C: `libg0.a`, whose header is `cgo/include/g0.h`.
//!
//! Rust code has no use for this library; it calls the crates. Here the same is put in C's words:
//! functions of a `void *` for closures, numbers for errors, and [handles](g0_cgo::Handle) for whatever
//! would be a pointer, so that a handle used after its end is an error and not undefined behaviour.
//!
//! # What C cannot have
//!
//! *Unwinding.* A goroutine that is parked when its runtime is shut down is unwound, and C's frames
//! have no destructors that could tell it. So there is no end but the natural one: [`run`] returns
//! when every goroutine has returned. A panic within the library itself stops at its edge
//! ([`status::guard`]) and becomes a number.
//!
//! *A kind of runtime that is right for all.* C compilers keep the address of a thread-local variable across a
//! call, and C code keeps what belongs to its thread; so C says which [kind](g0_sched#three-kinds-of-runtime)
//! it wants, and promises what that asks for.
//!
//! # Safety
//!
//! Every function here trusts what the header asks of C: a function pointer is null or a function of a
//! `void *` that may be called with what comes with it, on the thread where it will be; a place
//! for a result is null or may be written.

mod bridge;
mod channel;
mod run;
mod status;

pub use bridge::{g0_call, g0_call_blocking, g0_callback};
pub use channel::{g0_channel, g0_close, g0_receive, g0_release, g0_send};
pub use run::{g0_go, g0_join, g0_run, g0_sleep, g0_yield};
pub use status::{Status, g0_text};
