//! Work that blocks a thread, on a thread of its own, while the goroutine waits.
//!
//! ```text
//!   the goroutine                    the pool                    a thread of the pool
//!   offload(f): the task ──────────▶ queue ────────────────────▶ takes f out, runs it
//!   parks                                                        leaves the result in the task
//!   wakes, takes the result ◀─────────────────────────────────── wakes the goroutine
//! ```
//!
//! The task is a future, and the goroutine waits for it as for any: by a waker, which counts as one that may still
//! come. So a runtime with offloaded work under way is not deadlocked, and one whose work has been done may be.
//! What is shared between goroutine and thread is under one mutex of std, held for a few moves.

use std::boxed::Box;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::companion::Companion;
use super::offload_pool::{MOST, Work};
use super::tag::Hosted;
use crate::api::goroutine::park;
use crate::exec::enter::caller;
use crate::parts::phase;
use crate::task::block_on::block_on;

/// Runs `f` on a thread that runs no goroutines and returns its value; the goroutine waits meanwhile, and no other
/// one does. For what blocks a thread and does not care which: files, name resolution, compression, a C library's
/// slow calls.
///
/// The threads are a pool of the runtime's: started when they are needed, up to
/// [`max_offload_threads`](crate::Builder::max_offload_threads), and ended when they have been idle for ten seconds.
/// What comes while all are busy stands in a queue. They inherit nothing from a thread that runs goroutines.
///
/// Within `f` a call of the runtime does what it does on any thread: channels and locks block, [`current`](crate::current)
/// is `None`, and nothing can be started. What `f` waits for must not wait for the pool: if as many closures as there
/// are threads do that, none goes on.
///
/// On a thread that runs no goroutine `f` runs at once, in place.
///
/// # The end of the run
///
/// The wait is one that the end cuts: the goroutine is unwound at once, and not for its sake does
/// [`run`](crate::Runtime::run) wait. What has not begun is dropped, by the goroutine. What has begun goes on on its
/// thread, for a thread cannot be stopped; what it returns is dropped there. Such threads are counted by
/// [`run_counted`](crate::Runtime::run_counted) and end with their closure, or with the process. So main must wait for what
/// must be finished: by a join, as for any goroutine.
///
/// # Panics
///
/// When `f` does, with its payload. When the system refuses a thread and the pool has none. On the system stack.
///
/// ```
/// use g0_sched::{Runtime, go, offload};
///
/// let sizes = Runtime::builder().build()?.run(|| {
///     let all = ["Cargo.toml", "src/lib.rs"].map(|file| {
///         go(move || offload(move || std::fs::metadata(file).map(|file| file.len())))
///     });
///     all.map(|one| one.join().unwrap())
/// })?;
/// assert!(sizes.iter().all(|size| size.as_ref().is_ok_and(|size| *size > 0)));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn offload<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let Some((m, _)) = caller::<Hosted>() else { return f() };
    let task =
        Arc::new(Task(Mutex::new(State { closure: Some(f), waker: None, end: None, left: false })));
    // A scheduler that no builder has made has no pool before.
    let core = m.core();
    Companion::found_pool(core, MOST).submit(task.clone());
    match block_on::<Hosted, _>(Offloaded(task)) {
        End::Returned(value) => value,
        End::Panicked(payload) => resume_unwind(payload),
        End::Refused if core.phase() == phase::HALTED => loop {
            // The run has left this goroutine behind, and its pool has gone. As in any operation, it remains here.
            park::<Hosted>();
        },
        End::Refused => panic!("g0: offload: the system refuses a thread, and the pool has none"),
    }
}

/// A closure on its way to a thread, and its result on the way back.
struct Task<F, R>(Mutex<State<F, R>>);

struct State<F, R> {
    /// Until a thread runs it.
    closure: Option<F>,
    /// The goroutine's, while it waits.
    waker: Option<Waker>,
    end: Option<End<R>>,
    /// The goroutine waits no longer.
    left: bool,
}

/// What became of a closure.
enum End<R> {
    Returned(R),
    Panicked(Box<dyn std::any::Any + Send>),
    Refused,
}

impl<F, R> Task<F, R> {
    fn lock(&self) -> MutexGuard<'_, State<F, R>> {
        // No code of the program runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The closure has come to its end: the goroutine takes what it left, or nothing does.
    fn finish(&self, end: End<R>) {
        let mut state = self.lock();
        if state.left {
            drop(state);
            // A destructor of the program: what it throws nothing can take.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(end)));
            return;
        }
        state.end = Some(end);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<F, R> Work for Task<F, R>
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    fn run(&self) {
        let Some(f) = self.lock().closure.take() else { return };
        self.finish(match catch_unwind(AssertUnwindSafe(f)) {
            Ok(value) => End::Returned(value),
            Err(payload) => End::Panicked(payload),
        });
    }

    fn refuse(&self) {
        self.finish(End::Refused);
    }
}

/// The goroutine's side of a [`Task`].
struct Offloaded<F, R>(Arc<Task<F, R>>);

impl<F, R> Future for Offloaded<F, R> {
    type Output = End<R>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End<R>> {
        let mut state = self.0.lock();
        match state.end.take() {
            Some(end) => Poll::Ready(end),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<F, R> Drop for Offloaded<F, R> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.left = true;
        // Dropped without the lock, for a closure's and a result's destructors are the program's.
        let left = (state.closure.take(), state.waker.take(), state.end.take());
        drop(state);
        drop(left);
    }
}
