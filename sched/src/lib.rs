//! Goroutines: an M:N scheduler with `LockOSThread`, and what goroutines block on.
//!
//! A **G** is a goroutine: a stack and a saved context. An **M** is a machine: an OS thread, or a
//! core. A **P** is a processor: the right to run goroutines, with a queue of them. Hundreds of
//! thousands of Gs run on a few Ms, as many at a time as there are Ps. Every M has a system stack,
//! **g0**, where the scheduler works and where foreign (C) code runs.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Runtime, channel, go};
//!
//! let sum = Runtime::builder().build()?.run(|| {
//!     let (tx, rx) = channel(0);
//!     for i in 0..10u64 {
//!         let tx = tx.clone();
//!         go(move || tx.send(i * i).unwrap());
//!     }
//!     drop(tx);
//!     rx.iter().sum::<u64>()
//! })?;
//! assert_eq!(sum, 285);
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The way of a goroutine
//!
//! `go` takes a stack from the P's cache, with a G already in its top page ([`G`]), writes the
//! closure beneath the G and puts it into the P's queue ([`core::runq`]). Sooner or later some M
//! asks the core what to do next ([`core::next`]), is told this G, and switches to it; the first
//! thing that happens on the new stack is to publish the G that was left (the *post-switch step*).
//! The closure runs. When it must wait, say for a channel, it puts itself into the channel's queue,
//! keeps the channel's lock, picks the next G of the P and switches to it directly; *that* G's
//! post-switch step releases the lock, because only now is the context saved. Whoever sends on the
//! channel takes the waiter out and makes it ready: into `runnext`, so that it runs next. When the
//! closure returns, its result takes the closure's place, the G switches away for the last time,
//! and the post-switch step tells the joiner or puts stack and G back into the P's cache.
//!
//! Nothing on this way allocates, takes the scheduler's lock or calls the kernel. What does, runs
//! on g0: fetching stacks, starting threads, looking for work elsewhere, sleeping.
//!
//! # Core and executor
//!
//! The [`core`] decides and never switches stacks; `exec` carries out what it says. So a loom model
//! can drive the decisions that are shipped with threads of its own. A platform is eight functions
//! ([`Platform`]); `platform!` gives it the short forms (`go`, `yield_now`, …), and the feature
//! `std` does that for Linux threads at the root of this crate.
//!
//! # Who owns a P
//!
//! A P's queue is plain data, so it matters who owns it. An M says by a mark that it is *inside*,
//! running the scheduler's code on its P, and *outside* otherwise; an M that is outside for long
//! loses its P to another ([`core::claim`], L5 and L18). Foreign calls and endless loops are the
//! same to this protocol: there is no state for system calls. Entering and leaving costs two
//! stores and a load, because the dear side of the fence is paid by the rare retaker.
//!
//! # The safe runtime, and the migrating one
//!
//! On the **safe** runtime (`Builder::build`) a goroutine stays on the M that runs it first. What
//! has not started is stolen freely, so all Ps have work; a closure and its result are `Send`, and
//! nothing else need be. On the **migrating** runtime (`Builder::build_migrating`, unsafe) a
//! goroutine goes on wherever there is room. The promise that this asks for is about thread-locals
//! and values tied to a thread: compilers keep the address of a thread-local in a register across a
//! call that comes back on another thread.
//!
//! One rule is different on the safe runtime. An M that is *reserved* (its goroutine has locked it,
//! or has frames of C on its g0 while it is parked in a callback) runs no other goroutine (L2). But
//! those that are bound to this M already have nowhere else to run: two goroutines of one M, one
//! parked in a callback until the other speaks, would wait for ever. So there they take turns with
//! the one that locked, below its C frames on g0, and callbacks return to C last in, first out.
//! A goroutine that is unwinding shares its thread with nobody on either runtime: the panic count
//! is the thread's.
//!
//! # What blocks what
//!
//! | | blocks the G | the M | the P goes on under another M |
//! |---|---|---|---|
//! | channel, `WaitGroup`, `join`, `park`, `block_on` | yes | no | – |
//! | the same, G locked to its thread | yes | yes | at once |
//! | the same, while the G unwinds | yes | yes | at once |
//! | the same, on a thread that is no M | – | the thread | – |
//! | foreign call | yes | yes | when sysmon sees it and work waits; `call_blocking`: at once |
//! | endless loop | – | – | after 10 ms, if work waits (*eviction*) |
//! | `std` mutex, file, socket | yes | yes | after 10 ms, if work waits: better in `call_blocking` |
//!
//! Eviction means that `procs = 1` is no promise of exclusion; no function here relies on it.
//!
//! # What was rejected
//!
//! - *A new state for every reason to be away* (Go's `_Gsyscall`): two compare-and-swaps on every
//!   call and every return. The claim protocol has none on either.
//! - *A switch by way of g0*: one switch more for every yield. The post-switch step does what the
//!   scheduler's stack is needed for, in at most 128 bytes of somebody else's.
//! - *Allocating a result slot and a waiter for every goroutine*: the result lies where the closure
//!   lay, waiters lie on the stacks that wait.
//! - *Preempting by signals*: stock Rust and C code is not ready to be switched away at any
//!   instruction, with the allocator's lock held.
//! - *A thread-local as current-M slot*: see above; the slot is read in assembly.
//!
//! # Invariants
//!
//! L1–L19 are listed in each module that keeps them. Models of the core run under loom, each with
//! mutants that it must kill; debug builds check L1, L5 and L18 as they go.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | none | the scheduler over a [`Platform`], static memory, [`generic::Chan`], [`generic::WaitGroup`] |
//! | `alloc` | channels with owned ends; `block_on` on threads that are no M |
//! | `std` | Linux threads: `Runtime` and the functions at the root |
//!
#![no_std]
// Models reach the core only: what the executor alone uses looks unused to them.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[macro_use]
mod plain;

pub mod bridge;
#[cfg(any(doc, doctest))]
pub mod coming_from;
pub mod core;
#[cfg(loom)]
#[doc(hidden)]
pub mod doors;
mod error;
mod exec;
mod g;
mod goroutine;
#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
mod hosted;
mod interrupt;
mod join;
mod lockedm;
mod m;
mod macros;
mod p;
mod platform;
mod scheduler;
mod scope;
mod select;
pub mod shutdown;
mod sync;
mod sysmon;
mod task;
mod time;
mod token;
mod waiter;

pub use crate::core::{Config, Core, Mobility};
pub use error::Error;
pub use exec::machine::start_m;
pub use g::{G, Unlock};
pub use m::M;
pub use p::Proc;
pub use platform::{Fatal, Fences, Parker, Platform, StartError};
pub use scheduler::{Ended, Scheduler};
pub use sync::barrier::BarrierWaitResult;
pub use sync::chan::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySendError,
};
pub use sync::condvar::WaitTimeoutResult;
pub use sync::once::OnceState;
pub use sync::poison::{LockResult, PoisonError, TryLockError, TryLockResult};
pub use sync::semaphore::SemaphoreError;

pub use sysmon::sysmon;
pub use time::Elapsed;

/// More Ps than this are refused.
pub const MAX_PROCS: usize = 1024;

/// The functions and types of all platforms; [`platform!`] writes the short forms.
pub mod generic {
    pub use crate::exec::spawn::{Go, refuse};
    pub use crate::exec::yields::yield_now;
    pub use crate::goroutine::{Goroutine, current, goexit, park};
    pub use crate::join::{JoinHandle, Outcome};
    pub use crate::lockedm::{lock_os_thread, os_thread_locked, unlock_os_thread};
    pub use crate::scope::{Scope, ScopedJoinHandle, scope};
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

#[cfg(all(feature = "std", not(target_os = "linux")))]
compile_error!(
    "g0-sched's hosted platform needs Linux: elsewhere implement `Platform`, without `std`"
);

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub use hosted::{
    Hosted,
    runtime::{Builder, RunError, Runtime, STACK_SIZE},
};

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
mod short;
#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub use short::*;
