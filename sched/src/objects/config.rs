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
    /// Between the start of a goroutine and its end others run on its thread, at each of its operations that
    /// may wait. So in the whole program, libraries included:
    ///
    /// 1. No such operation happens within the initialiser of a thread-local. (Fine: an initialiser that
    ///    computes, allocates, takes a `std` lock.)
    /// 2. None happens within a function that keeps a pointer to something in its own frame in a
    ///    thread-local, as scoped thread-locals do. (Fine: a thread-local that owns what it holds, and a
    ///    reference to one, kept across a wait.)
    /// 3. Where code relies on it that a thread-local does not change while one of its functions runs, for
    ///    its soundness, none happens in between. (Fine: a `Cell` or a `RefCell` that is borrowed only
    ///    between two waits; a `RefCell` found borrowed panics, and breaks nothing.)
    ///
    /// A kernel without thread-locals has nothing to promise. Without the word there is no such scheduler:
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
    /// All that [`pinned`](Self::pinned) asks for. Besides, unless the goroutine is locked to its thread
    /// for as long:
    ///
    /// 1. No function, after inlining, uses the same thread-local both before and after an operation that
    ///    may wait: compilers keep its address. (Fine: each use in a function of its own that is
    ///    `#[inline(never)]` and does not wait.)
    /// 2. No reference that was obtained from a thread-local lives across one, lent or not: the thread may
    ///    end meanwhile, and its thread-locals with it. (Fine: a copy or a clone of what a thread-local
    ///    holds, if that is `Send`.)
    /// 3. No value that is tied to its thread lives across one: a guard of a `std` mutex or of another lock
    ///    that belongs to a thread, a reentrant lock of standard output, an `Rc` that was cloned out of a
    ///    thread-local, a `ThreadRng`. (Fine: an `Rc` of the goroutine's own, and this crate's guards.)
    ///
    /// A kernel without thread-locals has nothing to promise.
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
