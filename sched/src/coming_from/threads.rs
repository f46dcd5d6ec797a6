//! Coming from std's threads, crossbeam-channel and parking_lot.
//!
//! Names and signatures are theirs wherever they have them, so that often a `use` line changes and
//! nothing else. Where a row says nothing of a difference none is known.
//!
//! # Threads
//!
//! | there | here | different |
//! |---|---|---|
//! | `thread::spawn` | `go` | In a goroutine only: `Runtime::run` gives the first. Closure and result are `Send + 'static` as there; each has to fit into a quarter of the stack |
//! | `thread::Builder` | `go_named`, `try_go`, [`Go`](crate::generic::Go) | Names are `&'static str`. The stack's size is the runtime's, 256 KiB by default, where a thread has 2 MiB; or that which [`Go::stack_size`](crate::generic::Go::stack_size) asks for |
//! | a thread with a large stack for deep work | [`grow::call(need, f)`](crate::generic::grow) | `f` runs where it is if `need` bytes are left, else on a segment, which is kept for the next call. On a thread that runs no goroutine it runs where it is, whatever is left |
//! | `JoinHandle::join` | `join` | A dropped handle detaches, but a panic that can no longer be joined ends the process |
//! | the process's end | the end of `run` | Threads stop as they are. Goroutines are unwound, and none sees an error that comes of it: locks held then are not poisoned ([`shutdown`](crate::api::shutdown)) |
//! | `thread::scope` | `scope` | In a goroutine |
//! | `thread::current` | `current` | `None` on a thread that runs no goroutine |
//! | `park`, `unpark` | `park`, `Goroutine::unpark` | No `park_timeout`: a channel and `recv_timeout` |
//! | `yield_now`, `sleep` | `yield_now`, `sleep`, `sleep_until` | |
//! | `Instant` | `Instant` | Of the platform's clock; sums saturate at `Instant::END`, a deadline that never comes |
//! | a thread for a blocking call | `offload` | Hosted. The closure owns what it uses; the goroutine parks until it has returned |
//! | `panicking`, `catch_unwind` | the same | A goroutine that unwinds has its thread for itself. `catch_unwind` sees a Goexit too, and it is thrown again |
//! | `available_parallelism` | `Builder::procs` | the default |
//! | stack overflow | | ends the process as there; the message names the goroutine and where it was started. That of a system stack, on which foreign code runs, names the thread and the goroutine that called |
//!
//! # Locks
//!
//! | there | here | different |
//! |---|---|---|
//! | `Mutex` | `Mutex` | Guards are `Send`. Also `try_lock_for`, `try_lock_until`. A waiter that has waited for a millisecond in vain is served next |
//! | `RwLock` | `RwLock` | First in, first out. Guards are `Send`; no time limits |
//! | `Condvar` | `Condvar` | May serve several mutexes at once, where std's may panic. First in, first out |
//! | poisoning | the same | A Goexit poisons as a panic does. The types (`LockResult`, `PoisonError`, …) are this crate's: `core` has none |
//! | `Once`, `OnceLock` | `Once`, `OnceCell` | A goroutine that comes to the `Once` it runs panics; std's may wait for ever. Also `get_or_try_init` |
//! | `LazyLock` | – | `OnceCell::get_or_init` |
//! | `Barrier` | `Barrier` | |
//! | – | `Semaphore`, `WaitGroup` | The latter is Go's, not crossbeam's |
//! | `parking_lot::Mutex` | `Mutex` | `lock` is a `Result`. No `unlock_fair`, no `map` of guards, no reentrant and no upgradable lock |
//!
//! # Channels
//!
//! | there | here | different |
//! |---|---|---|
//! | `mpsc::sync_channel(n)`, `crossbeam_channel::bounded(n)` | `channel(n)` | Both ends may be cloned. Any end may `close` it |
//! | `mpsc::channel`, `unbounded` | – | choose a bound |
//! | `select!` of crossbeam | `select!` | The same arms; a `None` in place of an end for `never()`. The value of a `send` is evaluated first, not when the arm is chosen; if it is not, it is dropped |
//! | `crossbeam_channel::Select` | [`generic::select`](crate::generic::select) | Takes cases and carries one out; it does not give an index to complete |
//! | `after`, `tick` | `default(d)`, `interval` | no channels |
//! | `recv_timeout`, `send_deadline`, … | the same | `Instant` is this crate's |
//! | errors | the same names | without crossbeam's `is_empty`, `is_full` and the like |
//!
//! All of these may be used by goroutines of several runtimes and by plain threads at the same time:
//! a goroutine that waits parks, a thread blocks.
//!
//! # What is shared with a thread, and what holds it up
//!
//! *Thread-locals* remain the thread's. Goroutines on one thread share them, and any operation that
//! waits lets another goroutine at them: a `RefCell` in a thread-local that is borrowed across a
//! `recv` may be found borrowed. There are no goroutine-locals. On the migrating runtime a
//! thread-local must not be used on both sides of such an operation at all; this is what its
//! `unsafe` demands.
//!
//! *A std lock* in a goroutine is right for what neither waits nor yields while it is held. Held across
//! an operation that does, it is a trap on the pinned runtime: another goroutine of that thread that
//! locks it blocks the thread, and with it the holder. On the migrating runtime it breaks the
//! promise, for std's guards belong to their thread. The locks of this crate have neither problem:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Mutex, Runtime, go, sleep};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! Runtime::builder().procs(1).build()?.run(|| {
//!     let sum = Arc::new(Mutex::new(0));
//!     let all: Vec<_> = (0..10)
//!         .map(|_| {
//!             let sum = sum.clone();
//!             go(move || {
//!                 let mut sum = sum.lock().unwrap();
//!                 sleep(Duration::from_millis(1)); // the other goroutines wait, the thread does not
//!                 *sum += 1;
//!             })
//!         })
//!         .collect();
//!     all.into_iter().for_each(|one| one.join().unwrap());
//!     assert_eq!(*sum.lock().unwrap(), 10);
//! })?;
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! *A call that blocks* (a file, a socket, a std channel, the `join` of a std thread) blocks the thread
//! and the goroutines that are bound to it. The remaining goroutines go on: on another thread, once
//! sysmon has seen it, or at once with `g0_cgo::call_blocking`. In `offload` such a call blocks a thread of a pool
//! instead, and its goroutine alone. What can wait without a thread is better off with
//! [`block_on`](super::futures).
//!
//! # Rows, as tests
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Condvar, Mutex, Once, Runtime, TryLockError, go, goexit, scope};
//! use std::time::Duration;
//!
//! std::panic::set_hook(Box::new(|_| {}));
//! static ONCE: Once = Once::new();
//!
//! Runtime::builder().build()?.run(|| {
//!     let (one, two, changed) = (Mutex::new(0), Mutex::new(0), Condvar::new());
//!     scope(|s| {
//!         // A guard goes to another goroutine, which unlocks.
//!         let guard = one.lock().unwrap();
//!         assert!(matches!(one.try_lock_for(Duration::from_millis(1)), Err(TryLockError::WouldBlock)));
//!         s.go(move || drop(guard));
//!         *one.lock().unwrap() += 1;
//!     });
//!     scope(|s| {
//!         // One condition variable, two mutexes.
//!         for mutex in [&one, &two] {
//!             let changed = &changed;
//!             s.go(move || drop(changed.wait_while(mutex.lock().unwrap(), |n| *n < 2).unwrap()));
//!         }
//!         *one.lock().unwrap() = 2;
//!         *two.lock().unwrap() = 2;
//!         changed.notify_all();
//!     });
//!     scope(|s| {
//!         let exited = s.go(|| {
//!             let _guard = one.lock();
//!             goexit();
//!         });
//!         assert!(exited.join().is_err() && one.is_poisoned());
//!         let again = s.go(|| ONCE.call_once(|| ONCE.call_once(|| {})));
//!         assert!(again.join().is_err(), "std's may wait for ever");
//!     });
//! })?;
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
