//! Stacks that grow by segments, where the program says so.
//!
//! A goroutine's stack has the size that its scheduler gives to all. Where one needs more for a while (a recursive
//! parser, a deep walk), [`call`] runs a closure on another *segment* of stack if what it needs does not fit where the
//! goroutine is. So goroutines may have small stacks, and a million of them share the few segments of those that are
//! deep in their work at a time.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Runtime, go, grow};
//!
//! /// As deep as the input says: at each level there is room for 4 KiB more, here or on a segment.
//! fn depth(n: u64) -> u64 {
//!     grow::call(4 << 10, || if n == 0 { 0 } else { 1 + depth(n - 1) })
//! }
//!
//! let runtime = Runtime::builder().stack_size(16 << 10).build()?;
//! let deep = runtime.run(|| go(|| depth(10_000)).join().unwrap())?;
//! assert_eq!(deep, 10_000);
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! On a later segment a goroutine may do all that it may on its own stack: wait, start goroutines, defer calls, call C
//! and be called back. A panic, `goexit` and the end of the run unwind from segment to segment.
//!
//! Segments come from the P's cache, and when that is empty from the scheduler's source, on the system stack. One that
//! a call has returned from is *kept*: it stays with the goroutine for the next call, until the goroutine parks or
//! ends, or calls [`trim`].
//!
//! How much to ask for, and which other ways there are to have room for deep work, is said at
//! [`g0_stack::grow`](g0_stack::grow#room-for-deep-work).

use g0_stack::StackError;
use g0_stack::grow::{self, Here};

use crate::exec::segments::{Goroutines, is_plain_thread};
use crate::parts::error::Error;
use crate::platform::Platform;

/// Runs `f` on the present stack if `need` bytes are left there, else on a segment with as many. `need` is how many
/// bytes `f` and all that it calls put onto the stack, up to the next `call`; if they put more, the stack or segment
/// overflows.
///
/// By a goroutine, on its own stack or on a segment. On a thread that runs no goroutine `f` runs where it is, whatever
/// is left. Never suspends; `f` may.
///
/// # Panics
///
/// With what `f` panics with. And, before `f` runs, if there is no segment: the goroutine's would take more than its
/// [limit](crate::Scheduler::segments), which is a stack overflow, or there is no memory or no source. The message
/// names the goroutine; the segments go back as the panic unwinds. [`try_call`] returns an error instead.
///
/// On the system stack (in foreign code too), in an interrupt or signal handler and under a scheduler's lock no stack
/// grows: a call that would have to grow it ends the program with a message (L14).
#[inline(always)]
pub fn call<P: Platform, R>(need: usize, f: impl FnOnce() -> R) -> R {
    grow::call::<Goroutines<P>, R>(need, f)
}

/// As [`call`], but returns an error if there is no segment; `f` has not run then, and has been dropped.
///
/// # Errors
///
/// [`Error::NoSegments`] if the scheduler has no source of segments; [`Error::Segment`] if `need` is 0 or more than the
/// largest stack has, if the goroutine's segments would take more than its limit, or if there is no memory.
///
/// # Panics
///
/// With what `f` panics with. Where no stack grows it ends the program, as `call`.
#[inline(always)]
pub fn try_call<P: Platform, R>(need: usize, f: impl FnOnce() -> R) -> Result<R, Error> {
    grow::try_call::<Goroutines<P>, R>(need, f).map_err(refusal::<P>)
}

#[cold]
fn refusal<P: Platform>(error: StackError) -> Error {
    if crate::exec::segments::have_a_source::<P>() {
        Error::Segment(error)
    } else {
        Error::NoSegments
    }
}

/// Returns for how many bytes at most a [`call`] runs its closure on the present stack: what is left of that, less a
/// reserve of up to 6 KiB for the unwinder and the next call. Returns 0 on the system stack, and [`usize::MAX`] on a
/// thread that runs no goroutine, of whose stack that is not known. Any context.
#[inline]
pub fn remaining<P: Platform>() -> usize {
    if <Goroutines<P> as Here>::present().is_none() && is_plain_thread::<P>() {
        return usize::MAX;
    }
    grow::remaining::<Goroutines<P>>()
}

/// Gives the segments that the running goroutine keeps for its next [`call`] to the scheduler. Returns how many, 0
/// where no goroutine runs. Never suspends.
pub fn trim<P: Platform>() -> usize {
    if <Goroutines<P> as Here>::present().is_none() {
        return 0;
    }
    grow::trim::<Goroutines<P>>()
}
