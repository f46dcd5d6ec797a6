//! How a scheduler ends.
//!
//! ```text
//!   OPEN ── main has left its stack ──▶ CLOSING ── none is left, or the grace is over ──▶ HALTED ──▶ Ms end
//!                                        │    ▲
//!                                        └────┘ the conductor looks: asks what runs, wakes what waits
//! ```
//!
//! The thread that calls `run` is the *conductor*. It runs no goroutine but a main that is wired to it, so nothing
//! that a goroutine does keeps it from its looks, and `run` returns within the grace.
//!
//! | a goroutine that | meets its end |
//! |---|---|
//! | has not started | its closure is dropped, as by an unwinding: a destructor of it that panics ends the program. The same holds for one that is started now |
//! | is parked | wakes, leaves the queue it waits in, and is unwound by Goexit |
//! | runs | is unwound at its next operation that may wait |
//! | is in a foreign call | is unwound after the call; on the pinned runtime, where programs keep guards across a call, at its next operation that may wait |
//! | loops for ever without such an operation | is left behind, its thread with it, and counted; if the loop ends, it ends, and so does its thread if no other goroutine needs that |
//! | waits in a scope | waits on for the goroutines of the scope, which end |
//! | is a callback's of a foreign thread | as the rest, and C gets what it gets when there is no runtime; later callbacks are refused |
//! | waits or runs in a callback, in a foreign call | as the rest; the Goexit stops at the callback, C gets what it gets for one that panics, and the goroutine goes on ending when C returns |
//! | is in a callback that would drop C's frames, or unwinding already | is left to finish; left behind and counted when time is up |
//!
//! # What the end does not do
//!
//! A goroutine is thrown *once*. What its deferred calls and destructors wait for then are ordinary waits, ended by
//! their own cause. And goroutines that are unwound one after the other are no error to each other (L25, in
//! `exec::cancel`):
//!
//! | what another one that was unwound has done | is to |
//! |---|---|
//! | dropped the last sender | a goroutine that receives: its own end. To `try_recv`: an empty channel |
//! | dropped the last receiver | a goroutine that sends: its own end. To `try_send`, and while unwinding to any send: a value that is sent, and dropped with the rest |
//! | left a lock, a `Once`, a `OnceCell` | a lock that is free and not poisoned; a closure that has not run |
//! | ended | a goroutine that joins it: its own end |
//!
//! Threads that run no goroutine, and goroutines of other runtimes, find what there is: that all senders have gone, say.
//! What waits in a goroutine that is left behind is given nothing any more, no value, no lock, no permit: wakers pass
//! it over.
//!
//! A panic that no joiner takes ends no program after main's return, for main's result would be lost with it: it is
//! counted ([`Ended::panics`](crate::Ended::panics)).
//!
//! # How long it takes
//!
//! The grace (`Builder::grace`, [`Scheduler::grace`](crate::Scheduler::grace)) is how long
//! the conductor waits for the *next* goroutine to end: a hundred thousand that end one after the other are no reason
//! to give up. Those that wait while they unwind are 64 at a time, each on a thread of its own, or more if none of
//! them ends for a while (`exec::conduct`). A clock that stands still counts a microsecond for each look.
//!
//! On a platform that has but the cores it is given ([`Scheduler::run`](crate::Scheduler::run)) the calling core works
//! on as any M, for there may be no other, and looks between two goroutines: there `run` returns within the grace
//! unless the goroutine that runs on this very core keeps it.
//!
//! Where nothing unwinds (`panic = "abort"`, most kernels) all that has not ended is left behind, at once.
//!
//! The stack of a goroutine that is left behind is never freed. Nor does a thread end on which frames of one lie,
//! or to whose thread-locals they may refer (L23): it parks for good, and is counted beside the goroutines
//! ([`Ended::threads_left`](crate::Ended::threads_left)). Which threads those are, and where a thread can end at
//! all, stands in `policy::kept`.
//!
//! A wake and a cancellation may meet: see `wait::cancellable` and `policy::closing`.
