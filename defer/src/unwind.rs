//! What this crate needs of what unwinds stacks: three operations, and two more where something can be
//! thrown.
//!
//! The split in two traits is the point. Code that only has to *survive* unwinding (a scope, a
//! goroutine's base, the base of a callback) asks for [`Unwind`], which every system can give:
//! where nothing unwinds, the payload is an uninhabited type and the error branch is no code at
//! all. Code that *starts* unwinding asks for [`Throw`], so on a kernel without an unwinder it does
//! not compile, instead of failing when it runs.

use core::convert::Infallible;
use core::fmt;

/// Catching what unwinds, and letting it go on.
pub trait Unwind {
    /// What travels with an unwinding. Uninhabited where nothing unwinds.
    ///
    /// Dropping one may run user code (Rust's payloads are whatever was given to `panic_any`), so it may
    /// panic: a base that drops a payload must do so under [`catch`](Unwind::catch).
    type Payload: 'static;

    /// Runs `f` and returns its result, or the payload of an unwinding that reached this frame; a Goexit
    /// as well.
    ///
    /// Called in any context, also with interrupts masked. On the good path it costs nothing beyond
    /// `f`.
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload>;

    /// Goes on unwinding, from this frame, with a payload that `catch` gave. No hook runs and
    /// nothing is printed: that was done where the unwinding began.
    fn resume(payload: Self::Payload) -> !;

    /// Returns the payload which now travels: `newer` began in a deferred call that was run because of
    /// `older`.
    ///
    /// The result counts as `newer` in every respect (also for [`is_goexit`](Unwind::is_goexit))
    /// and should remember `older`; an unwinder without the means drops it.
    fn replace(newer: Self::Payload, older: Self::Payload) -> Self::Payload;

    /// Returns whether this is the payload of a Goexit. Of a payload that replaced other ones, the
    /// newest answers: a panic in a call deferred by an exiting goroutine is a panic, and a Goexit in a
    /// call deferred by a panicking one ends the panic.
    fn is_goexit(payload: &Self::Payload) -> bool;

    /// Takes apart what is in flight for a deferred call that recovers: returns the panics that came
    /// after the last Goexit, and everything up to that Goexit, which goes on. A Goexit in flight
    /// gives no panic.
    ///
    /// As provided, for an unwinder whose payloads do not remember what they replaced: a panic is all
    /// there is.
    fn recovered(payload: Self::Payload) -> (Option<Self::Payload>, Option<Self::Payload>) {
        if Self::is_goexit(&payload) { (None, Some(payload)) } else { (Some(payload), None) }
    }

    /// Writes what is to be said of a payload that no joiner takes: a line for each panic, oldest first.
    /// It runs no code of the payload's, for it may be called where the program ends.
    fn show(_payload: &Self::Payload, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("panic: (a value that this unwinder does not show)")
    }

    /// Returns whether this thread unwinds now. If it does, a panic that leaves a `drop` aborts, and
    /// a park must keep the thread.
    ///
    /// Returns false again in a scope's deferred calls, which run after the unwinding was caught.
    fn panicking() -> bool;

    /// Tells that a scope holds a payload while its deferred calls run (`true`), and that the scope is
    /// about to go on with it, or has none any more (`false`). Scopes call it, and so does a bridge while
    /// foreign code returns by itself. The pairs nest. For a scheduler that throws a Goexit again which
    /// something has swallowed: what a scope holds has not been swallowed.
    fn holding(_holds: bool) {}
}

/// Starting to unwind. Absent where nothing can.
pub trait Throw: Unwind {
    /// Unwinds from here with `payload`; no hook runs. It must never be called from a `drop` while
    /// [`panicking`](Unwind::panicking) (Rust's unwinder aborts), and never with the scheduler's own
    /// locks held.
    fn throw(payload: Self::Payload) -> ! {
        Self::resume(payload)
    }

    /// Unwinds the calling goroutine with [`Goexit`](crate::Goexit): all its deferred calls run, and its
    /// base ends it. The scheduler must set its `exiting` flag first. The same rules as for
    /// [`throw`](Throw::throw).
    fn goexit() -> !;
}

/// No unwinder: a panic ends the machine, nothing is ever caught, [`Throw`] does not exist.
///
/// ```compile_fail,E0277
/// <g0_defer::NoUnwind as g0_defer::Throw>::goexit()
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUnwind;

impl Unwind for NoUnwind {
    type Payload = Infallible;

    #[inline(always)]
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Infallible> {
        Ok(f())
    }

    fn resume(payload: Infallible) -> ! {
        match payload {}
    }

    fn replace(newer: Infallible, _older: Infallible) -> Infallible {
        match newer {}
    }

    fn is_goexit(payload: &Infallible) -> bool {
        match *payload {}
    }

    #[inline(always)]
    fn panicking() -> bool {
        false
    }
}
