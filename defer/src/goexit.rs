//! Goexit: the end of one goroutine, by unwinding it.

/// What travels through a goroutine's frames when it ends itself. Of size zero, so throwing it
/// allocates nothing.
///
/// It is a payload like that of a panic, for one reason: everything that cleans up during a panic
/// (drops, `defer!`, scopes) then cleans up here, without a second mechanism. What differs is at
/// the two ends. At the start no panic hook runs, because nothing went wrong. At the base (the last
/// catch below all of the goroutine's frames) [`Unwind::is_goexit`](crate::Unwind::is_goexit) tells
/// the two apart: a panic goes to the joiner, or is fatal; a Goexit ends the goroutine quietly.
///
/// > A Goexit cannot be recovered. A catch in between that is not a base goes on with it.
///
/// A scope does. A library's own `catch_unwind` cannot know; that is why the scheduler marks the
/// goroutine as exiting before it throws, and throws again at the next point where it has control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goexit;
