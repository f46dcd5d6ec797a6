//! Coming from Go.
//!
//! Where a row says nothing of a difference none is known.
//!
//! # Goroutines
//!
//! | Go | here | different |
//! |---|---|---|
//! | `func main` | `Runtime::builder().build()?.run(main)` | A runtime is a value; it begins and ends, and the program goes on. Its goroutines run on threads of their own, `main` too, unless `Builder::lock_main_thread` wires it to the thread that calls `run` |
//! | `main` returns | `run` returns | Go drops the other goroutines as they are. Here they are unwound, so that what they own is dropped; if for half a second none ends (`Builder::grace`) the rest is left behind and counted, with the threads that it needs ([`shutdown`](crate::api::shutdown)) |
//! | `go f(x)` | `go(move \|\| f(x))` | Gives a handle: `join` waits and returns what `f` returned. Closure and result are `Send + 'static`; in a `scope` they may borrow. Each has to fit into a quarter of the stack: box what is larger |
//! | a panic that is not recovered | `join` returns `Err` | It ends the process, which prints all panics that met, when the handle has been dropped too; `Builder::uncaught` says otherwise. Of `main`: `RunError::Panicked` |
//! | `recover` | `recovering(\|s\| …)`, `s.defer_recover(\|r\| …)`; `std::panic::catch_unwind` | `r.recover()`, where `r` is given to the deferred call and to no other code. The scope gives an `Option` in place of named results. A Goexit that `catch_unwind` catches is thrown again at the next operation that can wait |
//! | `defer` | `Drop`; `g0_defer::defer!`; `deferring(\|s\| …)` | `defer!` runs at the end of its block, not of the function; calls deferred in a loop, or that may wait or panic, go into a scope |
//! | `runtime.Goexit` | `goexit()` | In `main`: when all other goroutines have ended, `run` returns `RunError::Goexit`; Go reports a deadlock |
//! | `runtime.Gosched` | `yield_now()` | |
//! | `runtime.LockOSThread` | `lock_os_thread()` | Counts, as in Go, up to a million. A goroutine that ends locked takes its thread with it; on the pinned runtime the thread goes on, for other goroutines that are bound to it |
//! | `runtime.GOMAXPROCS` | `Builder::procs`, `procs()`, `set_procs(n)` | Of each runtime, up to `Builder::max_procs`. The world is not stopped: a P that is one too many goes at its goroutine's next scheduling point. Default: what affinity and cgroup allow, as in Go |
//! | `runtime.NumGoroutine` | `stats()` | By state, and much more; from any thread by `Runtime::watch` |
//! | `GODEBUG=schedtrace=1000` | `G0_TRACE=1000`, `Builder::trace` | |
//! | all goroutines' stacks on `SIGQUIT` | `dump()`, `Watch::dump` | With the feature `dump`; on request, no signal is taken |
//! | a goroutine's number | `current()` and its `id()` | Go hides it |
//! | preemption | – | An endless loop is not interrupted. If work waits, its P goes to another thread after 10 ms; its own thread it keeps, and on the pinned runtime the goroutines that are bound to it wait |
//! | which thread runs it | | Any in Go, and on the migrating runtime (`unsafe`, for Rust has thread-locals). On the pinned one a goroutine keeps to the thread that ran it first, and on the exclusive one, the safe one, has it to itself |
//! | stacks | `Builder::stack_size` | Do not grow. 256 KiB of addresses each, memory page by page; the page below faults, and the message names the goroutine |
//! | signal handlers of C | the same | Those without SA_ONSTACK are given it, as by Go at its start, and later ones within 0.1 s: `Builder::without_onstack_flags`. There is no `os/signal` |
//! | `fatal error: all goroutines are asleep` | the same, with what each waits for | Quiet while something outside may wake a goroutine: a handle or waker that is kept, a thread of the program's own (Go: with cgo never); [`Deadlock`](crate::Deadlock) says otherwise |
//!
//! # Channels
//!
//! | Go | here | different |
//! |---|---|---|
//! | `make(chan T)`, `make(chan T, n)` | `channel::<T>(0)`, `channel::<T>(n)` | Two ends, as in `chan<- T` and `<-chan T`; both are cloned. `Chan<T, N>` is both in one, in place, without allocator. `T` is `Send` if it is to travel |
//! | `c <- v` | `tx.send(v)` | `Err` with the value when closed, where Go panics; also for a sender that waits at the close |
//! | `<-c` | `rx.recv()` | `Err` when closed and empty, where Go gives a zero: `v, ok := <-c` is the only form |
//! | `close(c)` | `tx.close()`, `rx.close()` | Also by the last sender or the last receiver that is dropped: a send that can no longer be received ends. Twice is an `Err`, where Go panics |
//! | `for v := range c` | `for v in &rx` | `try_iter` takes what is there |
//! | `len(c)`, `cap(c)` | `len()`, `capacity()` | also `is_empty`, `is_full`, `same_channel` |
//! | a nil channel | `None` in a `select!` | Elsewhere an end is never nil |
//! | – | `send_timeout`, `recv_timeout`, `…_deadline` | |
//!
//! # select
//!
//! | Go | here | different |
//! |---|---|---|
//! | `case v := <-c:` | `recv(rx) -> v => …,` | `v` is a `Result` |
//! | `case c <- v:` | `send(tx, v) -> sent => …,` | `sent` is a `Result`. If the arm is not chosen, `v` is dropped: send a clone if it is needed again |
//! | `default:` | `default => …` | |
//! | `case <-time.After(d):` | `default(d) => …` | One at most, and not beside a `default`. Nothing is left to be collected |
//! | `select {}` | `select! {}` | |
//! | `break` | `break` | In Go it leaves the `select`; here, as `continue`, `return` and `?`, what stands around it |
//! | `reflect.Select` | [`generic::select`](crate::generic::select) | |
//!
//! Of the arms that are ready each has the same chance; ends and values are evaluated once, from top
//! to bottom, chosen or not: as in Go.
//!
//! # sync
//!
//! | Go | here | different |
//! |---|---|---|
//! | `sync.Mutex` | `Mutex<T>` | Holds what it guards; unlocked by its guard, which may be sent elsewhere. `lock` is an `Err` after a panic under the lock (*poisoned*). The starvation mode is Go's; `try_lock_for` has a time limit |
//! | `sync.RWMutex` | `RwLock<T>` | Waiters are served in order; Go lets the readers in that wait when a writer leaves. A writer may become a reader (`downgrade`) |
//! | `sync.Cond` | `Condvar` | `wait` takes the guard and gives it back. It may return without a signal, which Go's does not: look again, or `wait_while` |
//! | `sync.WaitGroup` | `WaitGroup` | Shared by reference, `Arc` or static. For `wg.Go`: handles, or a `scope`. Done too often: panics in both |
//! | `sync.Once` | `Once` | After a panic later calls panic; Go's count as done. `OnceFunc`, `OnceValue`: `OnceCell::get_or_init`, which tries again |
//! | `semaphore.Weighted` | `Semaphore` | A `Permit` gives back what it holds when it is dropped. To ask for more than the limit of `with_limit` panics; Go waits |
//! | `errgroup.Group` | `scope` and `join` | It does not cancel the remaining goroutines |
//! | – | `Barrier` | |
//! | `sync/atomic` | `core::sync::atomic` | |
//! | `sync.Pool`, `sync.Map` | – | |
//!
//! # Time and cancellation
//!
//! | Go | here | different |
//! |---|---|---|
//! | `time.Sleep` | `sleep`, `sleep_until` | |
//! | `time.Now`, `time.Since` | `Instant::now()`, `elapsed()` | The monotonic clock alone; for the time of day `std::time::SystemTime` |
//! | `time.After` | `default(d)`, or `…_timeout` | No channel, no timer to stop |
//! | `time.NewTicker` | `interval(d)` and its `tick()` | A call that waits; there is nothing to stop. Ticks that came too late are left out, as in Go. For a `select!`: see below |
//! | `time.NewTimer`, `time.AfterFunc` | a goroutine that sleeps | It is stopped by a channel: see below |
//! | `context.WithCancel` | a channel that is closed | `recv(done)` is an arm as any other. What waits elsewhere (a lock, a `join`, C) is not interrupted, as in Go |
//! | `context.WithTimeout` | `default(d)`, `select_deadline` | |
//! | `context.WithValue` | – | an argument |
//!
//! # C, and what waits in the kernel
//!
//! | Go | here | different |
//! |---|---|---|
//! | `C.f()` | `g0_cgo::call(\|\| unsafe { f() })` | Said, not implied: C that is called without it runs on the goroutine's stack, 256 KiB. `errno` is read in the closure |
//! | `//export f` | `g0_cgo::export!` | `#[unsafe(no_mangle)]` where C knows `f` by its name; a value for C to get if `f` panics: then C returns by itself, and the panic goes on behind it. Go drops C's frames |
//! | a callback from a thread of C's own | the same | Without a runtime C gets the value that is given for a panic. A panic that the callback does not catch ends the program |
//! | pointers passed to C | | no rules but Rust's: nothing moves |
//! | sockets and files | [async crates](super::futures) by `block_on` | There is no poller in this crate. A call of `std` that waits holds its thread; `offload` lets a thread of a pool wait instead, and `g0_cgo::call_blocking` gives the P away at once |
//!
//! # What does not apply
//!
//! There is no garbage collector: no `runtime.GC`, finalizers, `KeepAlive`, escape analysis, write
//! barriers or pauses; values are dropped where Rust drops them. A goroutine that waits for what never
//! comes is not found while any other goroutine may run, as in Go; here it ends with its runtime. Races
//! on data do not compile in safe code, so there is no `-race`; the thread sanitizer can be told of the
//! stacks. There are no profiles and no execution traces.
//!
//! # Rows, as tests
//!
//! Closing, and what nil is good for:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Runtime, TryRecvError, channel, go, select};
//!
//! Runtime::builder().build()?.run(|| {
//!     let (tx, rx) = channel(2);
//!     tx.send("buffered").unwrap();
//!     assert_eq!((rx.len(), rx.capacity()), (1, 2));
//!     tx.close().unwrap();
//!     assert!(tx.close().is_err(), "Go panics");
//!     assert_eq!(tx.send("late").unwrap_err().into_inner(), "late");
//!     assert_eq!(rx.recv(), Ok("buffered"));
//!     assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
//!
//!     // No receiver is left: in Go this would wait for ever.
//!     let (tx, rx) = channel(0);
//!     drop(rx);
//!     assert!(tx.send(1).is_err());
//!
//!     // Two channels into one list: a channel that is closed becomes nil.
//!     let (mut all, ends) = (Vec::new(), [channel(0), channel(0)]);
//!     let [mut a, mut b] = ends.map(|(tx, rx)| {
//!         go(move || (0..5).for_each(|i| tx.send(i).unwrap()));
//!         Some(rx)
//!     });
//!     while a.is_some() || b.is_some() {
//!         select! {
//!             recv(a) -> i => match i { Ok(i) => all.push(i), Err(_) => a = None },
//!             recv(b) -> i => match i { Ok(i) => all.push(i), Err(_) => b = None },
//!         }
//!     }
//!     assert_eq!(all.into_iter().sum::<i32>(), 20);
//!
//!     // `break` leaves the loop; a value is evaluated whether its arm is chosen or not.
//!     let (tx, rx) = channel(1);
//!     let mut evaluated = 0;
//!     loop {
//!         select! {
//!             recv(rx) -> one => {
//!                 assert_eq!(one, Ok("first"));
//!                 break;
//!             }
//!             send(tx, { evaluated += 1; "first" }) -> sent => sent.unwrap(),
//!         }
//!     }
//!     assert_eq!(evaluated, 2);
//! })?;
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! A context, a timer that can be stopped, a ticker:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use core::time::Duration;
//! use g0_sched::{Instant, Receiver, Runtime, TrySendError, channel, go, interval, select};
//!
//! /// Ticks until its receiver is dropped. A tick that has not been fetched in time is left out.
//! fn ticker(period: Duration) -> Receiver<Instant> {
//!     let (tx, rx) = channel(1);
//!     go(move || {
//!         let mut ticks = interval(period);
//!         while !matches!(tx.try_send(ticks.tick()), Err(TrySendError::Disconnected(_))) {}
//!     });
//!     rx
//! }
//!
//! Runtime::builder().build()?.run(|| {
//!     let (cancel, done) = channel::<()>(0);
//!     let working = go({
//!         let (done, ticks) = (done.clone(), ticker(Duration::from_millis(1)));
//!         move || {
//!             let mut seen = 0;
//!             loop {
//!                 select! {
//!                     recv(done) -> _ => return seen,
//!                     recv(ticks) -> _ => seen += 1,
//!                 }
//!             }
//!         }
//!     });
//!     let stopped = go(move || select! {
//!         recv(done) -> _ => true,
//!         default(Duration::from_secs(3600)) => false, // AfterFunc's function
//!     });
//!     g0_sched::sleep(Duration::from_millis(20));
//!     drop(cancel); // or `cancel.close()`, while there are clones of it
//!     assert!(working.join().unwrap() > 0 && stopped.join().unwrap());
//! })?;
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Panics and ends:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use g0_sched::{Once, RunError, Runtime, go, goexit, sleep};
//! use std::panic::catch_unwind;
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! std::panic::set_hook(Box::new(|_| {}));
//! static DROPPED: AtomicBool = AtomicBool::new(false);
//! struct Owned;
//! impl Drop for Owned {
//!     fn drop(&mut self) {
//!         DROPPED.store(true, Ordering::Relaxed);
//!     }
//! }
//! static ONCE: Once = Once::new();
//!
//! Runtime::builder().build()?.run(|| {
//!     assert!(go(|| panic!("mine")).join().is_err(), "the joiner has it, the program goes on");
//!     assert!(go(|| ONCE.call_once(|| panic!("mine"))).join().is_err());
//!     assert!(go(|| ONCE.call_once(|| {})).join().is_err(), "in Go it would be done");
//!     let exited = go(|| {
//!         let _ = catch_unwind(|| goexit());
//!         sleep(core::time::Duration::from_millis(1)); // does not return
//!         unreachable!();
//!     });
//!     assert!(exited.join().is_err());
//!     let owned = Owned;
//!     go(move || {
//!         let _owned = owned;
//!         loop {
//!             g0_sched::park();
//!         }
//!     });
//! })?;
//! assert!(DROPPED.load(Ordering::Relaxed), "Go would have left it there");
//! assert!(matches!(Runtime::builder().build()?.run(|| goexit()), Err::<(), _>(RunError::Goexit)));
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
