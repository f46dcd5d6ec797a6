//! Threads that the runtime did not start, and that call back.
//!
//! A library of C has threads of its own (an event loop, a decoder, a pool), and one of them calls an
//! exported function. The closure of that callback runs as a goroutine's code all the same. What is
//! missing is a goroutine that has called C, so the runtime keeps some that seem to have: an *extra M* with
//! a goroutine whose stack is empty, and a record like that of an open call, the *root*.
//!
//! ```text
//!      a goroutine's callback                    a foreign thread's
//!
//!      the goroutine      the thread (g0)        the extra M's goroutine    the thread (g0)
//!      : its frames    :  : scheduler    :                                  : thread start   :
//!      +---------------+  +--------------+       +---------------+ top      | C, C, C        |
//!      | call: record  |  | f, C, C, C   |       |               |          | callback       |
//!      +---------------+  | callback     |       | base, closure |          +----------------+
//!      | base, closure |  +--------------+       :               :          : free: scheduler:
//! ```
//!
//! To the callback itself the two are the same: it finds a record by the M's word, and the record says
//! where the goroutine's stack is free. Before it a thread of that kind *arrives*, and the runtime may say
//! no, because it has ended; afterwards it *departs*.
//!
//! ```text
//!                 adopt                       begin
//!      Outside ───────────▶ Adopted ───────────────────────▶ Goroutine ──┐ enter
//!         ▲                  │   ▲    arrive                  callback   │ leave
//!         │ the thread ends, │   │                              │ ◀──────┘
//!         │ or has borrowed  │   └──────────────────────────────┘
//!         └──────────────────┘      end, depart
//! ```
//!
//! *Bound* or *borrowed* is the runtime's matter: either the handle is there when the thread comes again, or
//! the thread is `Outside` again. Bound, a callback takes no lock, makes no system call and
//! allocates nothing.
//!
//! What differs:
//!
//! - Beneath the closure there is nothing. A panic that nothing catches there has no caller of `call`
//!   to go on in; a Goexit has no goroutine to end. Both are fatal, on either form of callback.
//! - [`call`](Bridge::call) outside a callback is what it is on any thread that the runtime does not
//!   know: the closure just runs. So it is with the runtime's own operations: between callbacks the thread
//!   is an ordinary thread to them, bound or not.
//! - If the runtime ends while the closure runs, that is unwound as any goroutine is, and C gets the
//!   default: unless the closure is in C again, which has to return first.
//! - If the runtime has not begun, or its main function has returned, or there is no memory for an M,
//!   C gets the default, the closure is dropped, and [`try_callback`](Bridge::try_callback) says why.

use g0_defer::Unwind;

use crate::{BadCall, CallbackError, CallerContext, MHandle, Runtime};

/// Returns the handle that a callback is for, and whether the thread is an adopted one, which has
/// arrived then.
///
/// # Errors
///
/// When the runtime refuses.
#[inline(always)]
pub(crate) fn handle<R: Runtime>() -> Result<(MHandle, bool), CallbackError> {
    match R::here() {
        CallerContext::Foreign(handle) => Ok((handle, false)),
        // SAFETY: the handle is fresh.
        CallerContext::Adopted(handle) => unsafe { R::arrive(handle) }.map(|handle| (handle, true)),
        // SAFETY: the thread has no M; the caller sees the callback through.
        CallerContext::Outside => unsafe { R::adopt() }.map(|handle| (handle, true)),
        CallerContext::Goroutine(_) => R::fatal(BadCall::NotInCall),
        CallerContext::SystemStack => R::fatal(BadCall::SystemStack),
    }
}

/// Ends the program, because a panic or a Goexit has come to the bottom of a foreign thread's goroutine;
/// returns only if the runtime has thrown it to end the callback.
#[cold]
#[inline(never)]
pub(crate) fn uncaught<R: Runtime>(panic: &<R::Unwind as Unwind>::Payload) {
    let goexit = R::Unwind::is_goexit(panic);
    if goexit && let CallerContext::Goroutine(handle) = R::here() {
        // SAFETY: on the goroutine, whose callback this is.
        if unsafe { R::was_ended(handle) } {
            return;
        }
    }
    R::fatal(if goexit { BadCall::ForeignGoexit } else { BadCall::ForeignPanic })
}
