//! Coming from async.
//!
//! | there | here | different |
//! |---|---|---|
//! | `spawn(async { … })` | `go(\|\| { … })` | A goroutine waits wherever it is, at any depth of calls; there is no `.await` and no other kind of function |
//! | `.await` | `block_on(future)` | The goroutine polls the future on its own stack and parks between polls. The future need not be `Send` or `'static` |
//! | an executor's `block_on` | `block_on` | On a plain thread it blocks the thread (feature `alloc`). One within a poll of another is allowed |
//! | `timeout(d, future)` | `timeout(d, future)` | Polls once before it looks at the clock. Returns `Elapsed`, and the future has been dropped |
//! | `sleep`, `interval` | `sleep`, `interval` | Not futures |
//! | `select!` over futures | `select!` over channels | Futures among themselves: a combinator in one `block_on`. To mix the two: a goroutine that sends what the future gave |
//! | a task is cancelled | – | A future is, when it is dropped. A goroutine is told by a channel, or ends with its runtime |
//! | `spawn_blocking(f).await` | `offload(f)` | Returns the value itself; a panic goes on in the goroutine. As many threads by default, 512. The end of the run leaves what has begun to its thread |
//! | a boxed future for a recursion | a recursion | As deep as the stack is, or with [`grow::call`](crate::generic::grow) as deep as its limit |
//! | `JoinSet`, `join_all` | `scope`, handles | |
//! | an async mutex or channel | [`generic::Mutex`](crate::generic::Mutex), [`generic::Chan`](crate::generic::Chan) | Their operations wait: do not call them in a poll, where the other futures of the same `block_on` could not go on |
//!
//! # What an executor-neutral crate gets
//!
//! *A waker* that costs nothing: it is the goroutine's address and a count. It may be cloned, kept,
//! and used by any thread, by an interrupt handler (where the platform says what one is), after the
//! goroutine's end and after the runtime's: then it does nothing. A clone that is kept keeps the
//! goroutine's stack from being used again.
//!
//! *Polls* by one goroutine, never two at a time: one at first, then one after each wake (those that
//! come before it count as one), now and then one more. A future that wakes itself within its poll lets the
//! other goroutines run first.
//!
//! *No reactor and no timers.* Crates that bring their own, as async-io brings a thread, work as they
//! are; the example `echo` serves ten thousand sockets that way. Crates that look for the runtime
//! they belong to do not find it: tokio's sockets want tokio.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use async_io::Timer;
//! use futures_lite::future;
//! use g0_sched::{Runtime, block_on, go, timeout};
//! use std::rc::Rc;
//! use std::time::Duration;
//!
//! Runtime::builder().procs(1).build()?.run(|| {
//!     let all: Vec<_> = (0..100)
//!         .map(|i| {
//!             go(move || {
//!                 let i = Rc::new(i); // not `Send`, and lent to the future
//!                 block_on(async {
//!                     Timer::after(Duration::from_millis(10)).await;
//!                     *i
//!                 })
//!             })
//!         })
//!         .collect();
//!     assert_eq!(all.into_iter().map(|one| one.join().unwrap()).sum::<i32>(), 4950);
//!
//!     assert_eq!(timeout(Duration::ZERO, async { "ready" }), Ok("ready"));
//!     assert!(timeout(Duration::from_millis(5), future::pending::<()>()).is_err());
//!     let first = future::or(async { 1 }, future::pending());
//!     assert_eq!(block_on(async { first.await + block_on(async { 1 }) }), 2);
//! })?;
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
