//! Goroutines: an M:N scheduler with `LockOSThread`, what goroutines block on, and time.
//!
//! A **G** is a goroutine: a stack and a saved context. An **M** is a machine: an OS thread, or a
//! core. A **P** is a processor: the right to run goroutines, with a queue of them. Hundreds of
//! thousands of Gs run on a few Ms, as many at a time as there are Ps. Every M has a system stack,
//! **g0**, where the scheduler works and where foreign (C) code runs.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Runtime, channel, go, select};
//! use std::time::Duration;
//!
//! let sum = Runtime::builder().build()?.run(|| {
//!     let (tx, rx) = channel(0);
//!     for i in 0..10u64 {
//!         let tx = tx.clone();
//!         go(move || tx.send(i * i).unwrap());
//!     }
//!     drop(tx);
//!     let mut sum = 0;
//!     loop {
//!         select! {
//!             recv(rx) -> square => match square {
//!                 Ok(square) => sum += square,
//!                 Err(_) => return sum, // all senders have gone
//!             },
//!             default(Duration::from_secs(10)) => panic!("nobody sends"),
//!         }
//!     }
//! })?;
//! assert_eq!(sum, 285);
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Readers that know these things by other names find them in [`coming_from`]: [Go](coming_from::go),
//! [std's threads](coming_from::threads), [async](coming_from::futures).
//!
//! # The way of a goroutine
//!
//! `go` takes a stack from the P's cache, with a G already in its top page ([`G`]), writes the
//! closure beneath the G and puts it into the P's queue (`parts::runq`). Sooner or later some M
//! asks the policy what to do next (`policy::find_runnable`), is told this G, and switches to it; the first
//! thing that happens on the new stack is to publish the G that was left (the *post-switch step*).
//! The closure runs.
//!
//! When it must wait, say for a channel, it writes a *waiter* on its own stack, puts it into the
//! channel's queue, keeps the channel's lock, picks the next G of the P and switches to it directly;
//! *that* G's post-switch step releases the lock, because only now is the context saved. If the
//! goroutine waits until a deadline at most, the same step first arms a timer, which lies on the
//! waiting stack as well. With `select!` the one waiter stands in the queue of every channel, and the
//! step releases all their locks.
//!
//! The sender on the channel takes the waiter out, writes the value where the waiter says, and makes
//! its goroutine ready: into `runnext`, so that it runs next; or, if a P is idle, into the ring, from which
//! an M takes it at once though the sender computes on. Where a wait can end in more than one way
//! the first waker to *claim* it ends it, by one compare-and-swap; any other leaves it alone, and the
//! goroutine, awake again, takes what is left of it out of queues and timers. When the closure returns,
//! its result takes the closure's place, the G switches away for the last time, and the post-switch
//! step tells the joiner or puts stack and G back into the P's cache.
//!
//! Nothing on this way allocates, takes the scheduler's lock or calls the kernel. What does, runs
//! on g0: fetching stacks, starting threads, looking for work elsewhere, sleeping.
//!
//! # How the source lies
//!
//! In layers, each of which names only those before it:
//!
//! | layer | what is there |
//! |---|---|
//! | `parts` | words, lists and queues, which know of no G, M or P |
//! | `objects` | G, M, P and the state that a scheduler shares, which name one another; being inside, as types |
//! | `platform` | what a port supplies: eight functions ([`Platform`]), and a trait for each further concern |
//! | `policy` | decides: where a G goes, what an M does next, which M gets a P. It never switches stacks |
//! | `exec` | carries out what the policy says, by switching stacks |
//! | `wait` | the one wait that the end of the run may cut, and what is built on it |
//! | `task`, `time`, `sync` | futures; deadlines; channels, `select!` and locks |
//! | `foreign` | calls of C, callbacks, threads that C has started |
//! | `introspect` | statistics, reports, the trace |
//! | `api` | what programs call: goroutines, join, scope, the end of a run, schedulers |
//! | `hosted`, `model` | Linux threads; loom's |
//!
//! So a loom model can drive the decisions that are shipped with threads of its own, and a port reads one
//! layer. `cargo xtask arrows` holds the source against this table, down to the method calls.
//!
//! Some things lie apart that belong together at first sight, because their sides lie in different layers. A
//! waiter's words are an object; `exec` wakes it, and `wait` waits with it. A report's data are an object,
//! and `introspect` writes them out. A wake from an interrupt handler is in `exec`, since every giver of a
//! token may be such a handler. Sysmon's loop is in `api`, since it makes spare Ms for foreign threads. The segments
//! of a P and of the scheduler are objects; `exec` fetches them and takes them back, since both may need g0, and `api`
//! has the calls. When memory is given back `policy` decides, by words that are `parts`; the entrance of a detour is in
//! `exec`, since it switches.
//!
//! *Rejected:* a module for each thing with all its sides (join with its exit, the locks of a thread with
//! their public calls). It reads well alone, but 38 of the files named one another in a ring, and nothing
//! said what a change would reach.
//!
//! # Inside, as a type
//!
//! An M that runs the scheduler's own code is *inside*, and only there may it touch its P. Types say so, not
//! comments. `Inside` is the running goroutine's stay: it is not `Copy`, entering makes it, a switch consumes
//! it and returns that of the M on which the goroutine goes on, and it ends by `leave`; one that is dropped
//! ends the program. `&Within` is borrowed from it by all that needs a P. A P that no M owns is *in hand*: a
//! `FreeP`, which must be given to an M or put back. There are two ways in: `enter`, for operations that are
//! documented to wait, and `enter_in_place`, for all other operations, which never suspend.
//!
//! # The owner of a P
//!
//! A P's queue is plain data, so it matters which M owns it. An M says by a mark that it is *inside*,
//! running the scheduler's code on its P, and *outside* otherwise; an M that is outside for long
//! loses its P to another (`parts::claim`, L5 and L18). Foreign calls and endless loops are the
//! same to this protocol: there is no state for system calls. Entering and leaving costs two
//! stores and a load, because the dear side of the fence is paid by the rare retaker.
//!
//! # Three kinds of runtime
//!
//! Goroutines that share a thread do not nest as its frames do: one waits in the middle of a function, and
//! another goes on in the middle of another, on the same thread. Safe code relies on nesting. `std` itself
//! does: two goroutines that initialise the same thread-local in turns leave one of them with a reference
//! to a value that was dropped. The crate `scoped-tls` keeps pointers to frames. No compiler checks that, so
//! a runtime whose goroutines share threads is `unsafe` to build, once a program, and what its builder
//! promises is a list that can be held against the program. (No macro hides the word.)
//!
//! | | **exclusive** | **pinned** | **migrating** |
//! |---|---|---|---|
//! | built by | `Builder::build` | `unsafe Builder::build_pinned` | `unsafe Builder::build_migrating` |
//! | in kernels | [`Mobility::EXCLUSIVE`] | [`Mobility::pinned`] | [`Mobility::migrating`] |
//! | a goroutine runs on | the thread that it starts on, which is its own | the thread that it starts on, which it shares | any thread, from wait to wait |
//! | promised | nothing | nothing waits in the initialiser of a thread-local, nor below a pointer to a frame in one | that; and nothing of a thread's lives across a wait |
//! | at a time there may be | as many goroutines as threads (`Builder::max_threads`) | as many as there is memory for | the same |
//! | a wait costs | a hand-off between threads, microseconds | a switch, some 20 ns | the same |
//! | while C blocks, or a loop computes | that goroutine waits | those of its thread wait; the rest goes on | all others go on |
//! | a goroutine that locks its thread | had it anyway | shares it with those bound there already | has it alone |
//! | to be chosen | with `forbid(unsafe_code)`; to find out whether a fault comes from sharing | where thread-locals and values tied to a thread are kept across waits, as C libraries and `std` guards have them | else: it balances best |
//!
//! The fine print of each promise, with what is fine beside what is not, stands at the constructors. Closures
//! and results are `Send` on all of them, since what has not started goes to any thread; what is within a
//! goroutine need not be. A program that is right on the migrating runtime is right on the other two, but
//! for the number of goroutines that may be underway on the exclusive one: if all threads there are taken by
//! goroutines that wait for one which has not started, that is a deadlock, and reported.
//!
//! Exclusive is migrating with a lock: each goroutine locks its thread as it starts (`policy::lockedm`), and
//! whatever holds for locked goroutines holds for it. A goroutine that ends leaves the thread to the next one,
//! with the thread-locals as they are, as a thread of a pool does.
//!
//! On the pinned runtime a goroutine is bound to its M at its first run. Where it starts is where it stays, so new ones
//! are spread: before one begins on an M that is home to a few, it is left to a free M that is home to fewer, and
//! main's is the last (`policy::placement`). One more rule is different. An M that is *reserved* (its goroutine has
//! locked it, or has frames of C on its g0 while it is parked in a callback) runs no other goroutine (L2). But those
//! that are bound to this M already have nowhere else to run: two goroutines of one M, one parked in a callback until
//! the other speaks, would wait for ever. So there they take turns with the one that locked, below its C frames on g0,
//! and callbacks return to C last in, first out. Several of them may have locked it; until the last of those has
//! unlocked or ended, none begins there that is not bound there already. A goroutine that is unwinding shares its
//! thread with no other on any runtime: the panic count is the thread's.
//!
//! *To check the promise*, `G0_SUSPEND=often` in the environment makes a runtime suspend the running goroutine
//! wherever an operation may, as if it had to wait, and on the migrating runtime go on on another thread if
//! there is one. What a program gets wrong once in a million waits it gets wrong at once then.
//!
//! *Rejected*: a safe constructor whose goroutines share threads, with the promise in its docs. A promise that
//! safe code can break is none.
//!
//! # What goroutines wait for
//!
//! Channels, locks and their like are values with a queue of waiters; none knows of the scheduler
//! more than how to park and how to wake, and none is tied to one. A plain thread that uses them
//! blocks, and wakes goroutines as they wake it.
//!
//! | | waiters are served | until a deadline | when shutdown ends the wait |
//! |---|---|---|---|
//! | channel | in order | `…_timeout`, `…_deadline` | a value that was not sent is dropped |
//! | `select!` | in each queue in order | `default(length)` | the same |
//! | `Mutex` | a running caller comes first, for a millisecond at most; then in order | `try_lock_for`, `…_until` | |
//! | `RwLock` | in order, readers in groups | – | |
//! | `Condvar` | in order | `wait_timeout`, … | the mutex stays released |
//! | `Semaphore` | in order | `acquire_timeout`, … | |
//! | `Once`, `OnceCell` | all at once | – | |
//! | `Barrier` | all at once | – | it has not come |
//! | `WaitGroup` | all at once | – | |
//! | `join`, `scope` | one joiner | – | a scope waits on for its goroutines |
//! | `block_on` | | `timeout` | the future is dropped |
//!
//! But for the owned ends of channels all of it lies in place: in a static, on a stack, in an `Arc`.
//! Taking a free mutex is one read-modify-write and releasing it another; a release by a plain store
//! would be cheaper, but then it does not learn whether a waiter is there, and wake-ups are lost or a
//! heavy fence is paid for every park (`src/sync/mutex/raw.rs` has the argument).
//!
//! *In an interrupt handler* nothing may be used but a goroutine's handle and its wakers; an operation that comes
//! to the scheduler there ends the program.
//! *On the system stack*, in foreign code, nothing may wait: an operation that would panics, and so
//! does any of a channel or a wait group. Guards, permits, ends of channels and wakers may be dropped
//! there.
//!
//! # Time
//!
//! A timer is a node on the stack of the goroutine that waits, in the timing wheel of the P where it
//! parked (`objects::wheel`); arming and disarming is a few stores under that wheel's lock, and nothing
//! is allocated. It fires at its deadline or, in a crowd, up to 16 µs later; never early. The M of a
//! busy P looks at its wheel at every 61st switch and when nothing else is runnable, an M in search of
//! work looks at all wheels, and sysmon sees to a timer that is 100 µs late. When nothing runs, one
//! M of those at rest, the *timer_leader*, sleeps until the earliest deadline of all Ps: a scheduler without
//! work has no tick (`policy::timers` says which thread looks after which timers).
//!
//! # Futures
//!
//! `block_on` polls a future on the goroutine's own stack and parks between polls. The waker is the
//! G's address, and cloning it counts one up: so there is no executor, no task and no allocation, and
//! a crate that brings its own reactor works in goroutines as it is. A wake from an interrupt handler
//! takes no lock: the goroutine goes through the inbox of an M.
//!
//! # What blocks what
//!
//! | | blocks the G | the M | the P goes on under another M |
//! |---|---|---|---|
//! | channel, `select!`, `Mutex`, `RwLock`, `Condvar`, `Semaphore`, `Once`, `OnceCell`, `Barrier`, `WaitGroup`, `join`, `scope`, `park`, `sleep`, `interval`, `block_on`, `timeout` | yes | no | – |
//! | the same, G locked to its thread | yes | yes | at once |
//! | the same, while the G unwinds | yes | yes | at once |
//! | the same, on a thread that is no M | – | the thread | – |
//! | `offload` | yes | no: a thread of a pool, for as long as its closure blocks | – |
//! | a `Mutex` or `RwLock` whose holder may be running, before the G parks | – | for a few microseconds | – |
//! | foreign call | yes | yes | when sysmon sees it and work waits; `call_blocking`: at once; after a callback: at once, with what that has left to run |
//! | a thread that rests between callbacks, or in `call_blocking` after one | yes | yes | at once, if an M waits for a P |
//! | endless loop | – | – | after 10 ms, if work waits (*eviction*) |
//! | `std` mutex, file, socket | yes | yes | after 10 ms, if work waits: better in `offload`, a future, or `call_blocking` where the thread matters |
//!
//! Eviction means that `procs = 1` is no promise of exclusion; no function here relies on it.
//!
#![doc = include_str!("operations.md")]
//! # What is seen from outside
//!
//! Each goroutine says before it parks what it waits for ([`WaitReason`]) and since when, by a coarse
//! clock: two stores, and no clock is read. From that and from counts that each P and each M keeps for
//! itself come
//!
//! - the report of a *deadlock*, when nothing can ever run again ([`Deadlock`] says when it comes, and
//!   `policy::deadlock` why it never comes too early: L12);
//! - [`Stats`]: goroutines, Ms and Ps by what they do, and what has happened so far; from a goroutine
//!   by `stats`, from any thread by a `Watch`;
//! - the report of a *stall*, which ends nothing: where the process has threads of its own no deadlock is certain, but
//!   nothing has run for ten seconds; or a goroutine waits while it unwinds, and keeps its thread from others
//!   (`policy::stall`);
//! - the goroutine's name after a panic's message (`Builder::without_panic_hook`);
//! - a line at a period (`Builder::trace`, or `G0_TRACE=1000` in the environment);
//! - with the feature `dump` every goroutine with its backtrace, while those that do not wait run on.
//!
//! # Threads come and go
//!
//! A thread starts when a P has work and no M at rest can take it: because goroutines are in C, have locked their
//! threads, or compute without a P. There are as many at most as `Builder::max_threads` says; at the limit work
//! waits, and the reports name it. Those without work rest on a list of which wakers take the last that came, so the
//! first are those that a burst has needed; they end after ten seconds (`policy::dismiss`;
//! `Builder::thread_keep_alive`), but for as many as there are Ps and those to which goroutines are bound.
//!
//! # What the system refuses
//!
//! A thread that is refused is asked for again, for as long as work waits that no thread there can do; all
//! else goes on with the threads there are. Only if there is none to begin with, the run does not begin
//! ([`Error::ThreadSpawn`]). A stack that is refused is an error to the caller of `try_go`
//! ([`Error::Stack`]). Where `membarrier` is refused both sides of the claim protocol pay for a full fence; where
//! it is refused later, by a sandbox that is put on while a runtime relies on it, the program ends with a message.
//! CPUs are counted anew as a runtime goes: with one, no thread spins.
//!
//! *Fork*: the child of a process in which a runtime runs has one thread, and may call `exec` or `_exit`.
//! Any call of the runtime ends it with a message that says so; no call pays for the check. A C library
//! that forks and goes on in the child cannot be used from a runtime. `std::process::Command` can, and
//! so can a fork before the run (daemons).
//!
//! # Stacks that grow
//!
//! A stack has the size that the runtime gives to all (`Builder::stack_size`) or that its start asks for
//! ([`Go::stack_size`](generic::Go::stack_size)); `Builder::measure_stacks` tells what goroutines use of it. Work that
//! is deep now and then asks for room before it begins:
//! [`grow::call(need, f)`](generic::grow::call) runs `f` where it is if `need` bytes are left there, else on a
//! *segment*, a further stack, from which it comes back. So goroutines may have small stacks, and a million of them
//! share as many segments as there are deep calls at a time. On a segment a goroutine may do all that it may on its own
//! stack.
//!
//! The word `present` of a G says which of its stacks it is on. Nothing else of a switch, a wait or a wake knows of
//! segments: a saved stack pointer says where to go on, and waiters and timers lie where the goroutine waits. A segment
//! that a call has returned from is *kept* for the next one; when the goroutine parks or ends it goes to the P
//! (`exec::segments`). What is of another size than usual stays until the goroutine ends or calls
//! [`grow::trim`](generic::grow::trim), since a park must not call the source. When the depot has more than 128 free
//! ones, they go back to the source, and their memory to the system. A panic, a Goexit and the end of the run
//! leave one segment after the other: each is caught at a segment's base and thrown on beneath it. Where panics jump,
//! the throw sets `present`.
//!
//! A segment comes out of the P's cache, from the depot or from the source, and all of that happens inside, on g0. So
//! growth is for goroutines' own code alone, outside, on the stack that `present` names. Under a lock of the scheduler,
//! in foreign code, on g0 and in a handler it ends the program with a message (L14).
//!
//! *Packed* stacks (`Builder::packed_stacks`) are for millions of goroutines: 1 or 2 KiB side by side, where little but
//! waits fits, and all deep work is on segments. No guard lies between them, so the call is `unsafe`, with a list of
//! what the program promises; and there is no room to unwind, so the end of the run leaves such goroutines behind.
//! [`g0_stack::grow`] says which way to have [room for deep work](g0_stack::grow#room-for-deep-work) suits which
//! program.
//!
//! # Memory of stacks
//!
//! On the hosted platform a stack is address space, and memory is what of it was touched: a goroutine that was deep
//! once, and parks for good, would keep all of that. Sysmon gives it back to the kernel when the goroutine has waited
//! for a second (`Builder::give_back_after`): all pages below its stack pointer. What it needs to go on
//! stays, mostly one page; if it goes deep again it finds zeros there, for a page fault each. The stacks of goroutines
//! that have ended give theirs back when they have been free for as long. Of goroutines only those that wait do, on
//! their own stack: never one that runs, is ready to, is in C, or waits on a segment.
//!
//! It happens in *batches* of a few stacks, about a tenth of a millisecond long, of a *sweep* over all goroutines. A
//! goroutine of the batch that is woken at that moment comes to a *detour*: it begins to run when its pages have gone
//! (L27, `parts/detour.rs`). Nothing else waits, and no operation pays for it. A program in which nothing runs is
//! looked at until nothing more can be given back, and then let sleep. [`Stats::stacks`] counts it. With symmetric
//! fences ([`Fences::Symmetric`], or where `membarrier` is refused when the runtime is built) and under memory checkers
//! goroutines that wait keep what they have, and free stacks alone give back.
//!
//! `Builder::stack_memory_limit` bounds what all stacks may take together; beyond it the spawner gets an error.
//!
//! # What was rejected
//!
//! - *A new state for every reason to be away* (Go's `_Gsyscall`): two compare-and-swaps on every
//!   call and every return. The claim protocol has none on either.
//! - *A switch by way of g0*: one switch more for every yield. The post-switch step does what the
//!   scheduler's stack is needed for, in at most 128 bytes of another goroutine's.
//! - *Allocating a result slot and a waiter for every goroutine*: the result lies where the closure
//!   lay, waiters and timers lie on the stacks that wait.
//! - *A heap of timers*, which allocates and touches a cache line on each level for every sleep; *a
//!   thread for timers*, which makes every deadline a wake across threads.
//! - *Registering a select with one channel after the other*: two that face each other start over
//!   without bound. All its channels are locked, in the order of their addresses, as in Go.
//! - *A second kind of task for futures*: a goroutine is one.
//! - *Preempting by signals*: stock Rust and C code is not ready to be switched away at any
//!   instruction, with the allocator's lock held.
//! - *A thread-local as current-M slot*: see above; the slot is read in assembly.
//! - *Stacks that are copied to a larger place*, as Go's are: neither rustc nor a C compiler tells where pointers into
//!   a frame lie, and waiters, timers and scopes are such pointers.
//! - *A segment that stays with its goroutine while that waits*: a million that were deep once would have one each.
//! - *A flag that a goroutine looks at when it wakes*, in place of the detour: every wake would pay for it, and the
//!   look itself needs stack.
//!
//! # Invariants
//!
//! L1–L25 and L27 each stand in the module that keeps them, and all of them, with their checks, models and mutants, in
//! the repository's `CONTRIBUTING.md`. L1–L19, L23 and L24 are the scheduler's. What goroutines block on has three
//! more: a value that is sent is received exactly once or comes back (L20); a lock has one owner, and nothing waits
//! beside a free one (L21); a wait ends once (L22). L25 is the end of a run's. Of stacks there are two: none grows
//! under a scheduler's lock or in foreign state (L14, `exec/segments.rs`), and pages of a goroutine's are given back
//! only while nothing runs on it (L27, `parts/detour.rs`). Models run under loom, each with mutants that it must kill:
//! of the core alone, of channels, select, the mutex and timers, and of whole schedulers on the shipped executor, with
//! calls of C and callbacks, and with growth. Debug builds check as they go: L1, L2 and L18 at each switch
//! (`exec/schedule.rs`), L8 at each lock (`policy/lockedm.rs`), L5 where a P changes hands (`parts/claim.rs`); all
//! builds, that an M in foreign code schedules nothing (L6) and that nothing grows there (L14).
//!
//! # Checking your own code with loom
//!
//! Built with `--cfg loom` this crate runs in models, and the module `model` (there only then) has a
//! platform of loom's threads for them. Code that takes channels, locks and `go` from one module of its
//! own, `platform!(Hosted)` in programs and `platform!(model::Threads)` in models, is modelled as it
//! is, over the channels and locks as they are shipped: `model::check(2, || …)` tries every order in
//! which its threads can meet, with at most two preemptions, and `model::run` within it does so with
//! goroutines on a whole scheduler. A wait that nothing ends is reported as a deadlock, a value that is
//! used by two at a time as a race. What a model does not cover (time, `std`'s own locks, more than a
//! few threads) the module says; `integration-tests/downstream` in the repository is such a project.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | none | the scheduler over a [`Platform`], in static memory; all that goroutines block on, channels in place ([`generic::Chan`]); time; `block_on` |
//! | `alloc` | channels with owned ends; `block_on` on threads that are no M |
//! | `std` | Linux threads: `Runtime` and the functions at the root |
//! | `dump` | backtraces of parked goroutines: `dump`, `Watch::dump` |
#![no_std]
// The hosted runtime is not there under loom, and what it alone uses is unused.
#![cfg_attr(all(loom, feature = "std"), allow(dead_code))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", loom))]
extern crate std;

// The layers, each above the ones before it: an arrow from one to another points back in this list.
#[macro_use]
mod parts;
mod api;
#[cfg(any(doc, doctest))]
pub mod coming_from;
mod exec;
mod foreign;
#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
mod hosted;
mod introspect;
#[cfg(loom)]
pub mod model;
mod objects;
mod platform;
mod policy;
mod sync;
mod task;
mod time;
mod wait;

#[cfg(not(loom))]
pub use api::defers::defer_depot;
pub use api::defers::{Defers, PlainFrames};
pub use api::scheduler::{Ended, Scheduler};
pub use api::shutdown;
pub use api::sysmon::sysmon;
pub use exec::machine::start_m;
pub use foreign::bridge;
pub use introspect::{
    GoroutineInfo, GoroutineState, GoroutineStats, MachineStats, ProcStats, SegmentStats,
    StackStats, Stats,
};
#[cfg(loom)]
#[doc(hidden)]
pub use model::hooks;
pub use objects::config::{Deadlock, ForeignThreads, Mobility, Uncaught};
pub use objects::g::G;
pub use objects::m::M;
pub use objects::p::Proc;
pub use objects::registry::Registry;
pub use objects::report::{DeadlockReport, StackUse, Stall, StallReport, Trace};
pub use objects::shared::{Config, Core, More};
pub use parts::attention::suspend_often;
pub use parts::error::Error;
pub use parts::fatal::Fatal;
pub use parts::limits::MAX_PROCS;
pub use parts::parker::Parker;
pub use parts::wait_reason::WaitReason;
pub use platform::fences::Fences;
pub use platform::{Platform, StartError};
pub use sync::barrier::BarrierWaitResult;
pub use sync::chan::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySendError,
};
pub use sync::condvar::WaitTimeoutResult;
pub use sync::once::OnceState;
pub use sync::poison::{LockResult, PoisonError, TryLockError, TryLockResult};
pub use sync::semaphore::SemaphoreError;
pub use time::Elapsed;

/// The functions and types of all platforms; [`platform!`] writes the short forms.
pub mod generic {
    #[cfg(not(loom))]
    pub use crate::api::defers::{deferring, recovering};
    pub use crate::api::go::{Go, refuse};
    pub use crate::api::goroutine::{Goroutine, current, goexit, park};
    pub use crate::api::grow;
    pub use crate::api::join::JoinHandle;
    pub use crate::api::lock_os_thread::{lock_os_thread, os_thread_locked, unlock_os_thread};
    pub use crate::api::procs::{procs, set_procs};
    pub use crate::api::scope::{Scope, ScopedJoinHandle, scope};
    pub use crate::exec::yields::yield_now;
    pub use crate::introspect::stats;
    pub use crate::platform::Outcome;
    pub use crate::sync::barrier::Barrier;
    pub use crate::sync::chan::{Buffer, Chan};
    pub use crate::sync::condvar::Condvar;
    #[cfg(feature = "alloc")]
    pub use crate::sync::mpmc::{IntoIter, Iter, Receiver, Sender, TryIter, channel};
    pub use crate::sync::mutex::{Mutex, MutexGuard};
    pub use crate::sync::once::Once;
    pub use crate::sync::once_cell::OnceCell;
    pub use crate::sync::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub use crate::sync::select::{
        Case, OnRecv, OnSend, RecvCase, SendCase, select, select_deadline, select_timeout,
        try_select,
    };
    pub use crate::sync::semaphore::{Permit, Semaphore};
    pub use crate::sync::waitgroup::WaitGroup;
    pub use crate::task::block_on;
    pub use crate::time::{Instant, Interval, interval, sleep, sleep_until, timeout};
}

/// What a [`Platform`] may have beyond what it must: one trait a concern, each with a default for all of it.
pub mod port {
    pub use crate::platform::foreign_code::ForeignCode;
    pub use crate::platform::interrupts::Interrupts;
    pub use crate::platform::machines::Machines;
    pub use crate::platform::reports::Reports;
    pub use crate::platform::unwinding::Unwinding;
}

#[cfg(all(feature = "std", not(target_os = "linux")))]
compile_error!(
    "g0-sched's hosted platform needs Linux: elsewhere implement `Platform`, without `std`"
);

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub use g0_stack::overflow::{add_onstack_flags, handler_without_onstack};
#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub use hosted::{
    builder::{Builder, STACK_SIZE},
    offload::offload,
    runtime::{RunError, Runtime},
    site_stats::SiteStats,
    tag::Hosted,
    watch::Watch,
};

#[cfg(all(feature = "dump", target_os = "linux", not(loom)))]
pub use hosted::dump::dump;

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub use hosted::prelude::*;
