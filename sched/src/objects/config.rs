//! What a scheduler does in cases that its owner decides.

/// Which goroutines share a thread, and whether one may go on on another; the crate's essay compares the
/// three kinds ("Three kinds of runtime").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mobility(pub(crate) Kind);

/// What a [`Mobility`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Exclusive,
    Pinned,
    Migrating,
}

impl Mobility {
    /// A goroutine has the M that it starts on to itself until it ends; what has not started waits for an M.
    /// Safe, and slow: each wait is a hand-off between Ms. With as many goroutines as there are Ms nothing
    /// else starts before one of them ends.
    pub const EXCLUSIVE: Self = Self(Kind::Exclusive);

    /// Returns the choice of a scheduler whose goroutines each stay on the M that runs them first, and share
    /// it. The choice of a kernel with one core, where goroutines of that core may run then while a callback
    /// is parked.
    ///
    /// # Safety
    ///
    #[doc = include_str!("promises/pinned.md")]
    ///
    /// Without the word there is no such scheduler:
    ///
    /// ```compile_fail,E0133
    /// let mobility = g0_sched::Mobility::pinned();
    /// ```
    pub const unsafe fn pinned() -> Self {
        Self(Kind::Pinned)
    }

    /// Returns the choice of a scheduler whose goroutines go on wherever there is room, as Go's do.
    ///
    /// # Safety
    ///
    #[doc = include_str!("promises/migrating.md")]
    pub const unsafe fn migrating() -> Self {
        Self(Kind::Migrating)
    }

    /// Returns whether a goroutine that is not locked may go on on another M. On an exclusive scheduler all
    /// are locked from their start.
    pub(crate) fn migrates(self) -> bool {
        self.0 != Kind::Pinned
    }

    /// Returns whether a goroutine is locked from its start to its end.
    pub(crate) fn locks_at_start(self) -> bool {
        self.0 == Kind::Exclusive
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
