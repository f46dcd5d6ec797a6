//! What a scheduler does in cases that its owner decides.

/// Whether a goroutine may change Ms after it has started; see the crate's essay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mobility(pub(crate) bool);

impl Mobility {
    /// The safe runtime: a goroutine stays on the M that runs it first. The choice of a kernel with
    /// one core, where other goroutines may run then while a callback is parked.
    pub const BOUND: Self = Self(false);

    /// Returns the choice of the migrating runtime.
    ///
    /// # Safety
    ///
    /// No function of the program, after inlining, may use the same thread-local both before and
    /// after a point at which a goroutine may be suspended (compilers keep its address), and no
    /// value that is tied to its thread may live across one, unless the goroutine is locked to its
    /// thread. A kernel without thread-locals has nothing to promise.
    pub const unsafe fn migrating() -> Self {
        Self(true)
    }
}

/// What a scheduler does when all its goroutines wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadlock {
    /// Reports a deadlock, unless the platform knows of [external
    /// wakers](crate::port::Reports::external_wakers). What the hosted runtime does if nothing else is asked
    /// for.
    Auto,
    /// Reports a deadlock: goroutines alone wake goroutines, except by a waker or a handle
    /// ([`Goroutine`](crate::api::goroutine::Goroutine)).
    Report,
    /// Waits for ever. What a scheduler of another platform does if nothing else is asked for.
    Ignore,
}

/// What is done with a panic that ends a goroutine whose handle was dropped, before or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uncaught {
    /// The program ends, and says what panicked: as in Go.
    #[default]
    Fatal,
    /// The goroutine ends, and its panic is dropped: as with a thread of `std`.
    Ends,
}

/// What a scheduler does with threads that it has not started and that call into it by a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForeignThreads {
    /// At its first callback a thread is given an M and keeps it until it ends: further callbacks
    /// cost no system call, no lock and no allocation. Where the platform does not tell when a thread
    /// ends, as [`Borrow`](Self::Borrow).
    #[default]
    Bind,
    /// A thread has an M for the length of a callback: for programs with very many threads each of
    /// which calls back now and then.
    Borrow,
    /// There are no such threads, or they belong to another scheduler.
    Refuse,
}
