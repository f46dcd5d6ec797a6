//! Wakers: none of their wakes is lost (L22), and the last of them gives the stack back, once (L15).
//!
//! A goroutine of the shipped executor is in `block_on`, or ends, while threads that are no Ms wake it
//! and drop their wakers. What a waker's thread did before the wake is ordered by the wake alone.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use g0_sched::generic::{block_on, current};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, JoinHandle};

use crate::exec::go;
use crate::runner::{Model, Scenario, seen};
use crate::world::Threads;
use g0_sched::model::run_with;

pub const MODEL: Model = Model {
    name: "wakes",
    scenarios: &[
        Scenario { name: "two", invariants: "L22", extra: 0, run: two },
        Scenario { name: "nested", invariants: "L22", extra: 0, run: nested },
        Scenario { name: "last", invariants: "L15", extra: 2, run: last },
    ],
};

/// Runs `main` on one M: what wakes it are other threads.
fn run(main: fn()) {
    run_with(1, true, main);
}

/// Says that it has come, and wakes.
fn come(word: &Arc<AtomicUsize>, waker: &Waker) -> JoinHandle<()> {
    let (word, waker) = (word.clone(), waker.clone());
    thread::spawn(move || {
        // Relaxed: the wake orders it.
        word.store(1, Ordering::Relaxed);
        waker.wake();
    })
}

fn has_come(word: &AtomicUsize) -> bool {
    word.load(Ordering::Relaxed) == 1
}

/// Both threads are waited for; the wake of the one may fall into that of the other.
fn two() {
    run(|| {
        let words = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let mut threads = None;
        block_on::<Threads, _>(poll_fn(|context| {
            threads.get_or_insert_with(|| words.each_ref().map(|w| come(w, context.waker())));
            if words.iter().all(|word| has_come(word)) { Poll::Ready(()) } else { Poll::Pending }
        }));
        threads.into_iter().flatten().for_each(|thread| thread.join().unwrap());
    });
}

/// The wake of the outer wait falls into the inner one, which waits for something else.
fn nested() {
    run(|| {
        let [outer, inner] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let mut threads = None;
        block_on::<Threads, _>(poll_fn(|context| {
            if has_come(&outer) {
                return Poll::Ready(());
            }
            if threads.is_none() {
                let first = come(&outer, context.waker());
                let mut second = None;
                block_on::<Threads, _>(poll_fn(|context| {
                    second.get_or_insert_with(|| come(&inner, context.waker()));
                    if has_come(&inner) { Poll::Ready(()) } else { Poll::Pending }
                }));
                threads = Some([Some(first), second]);
            }
            Poll::Pending
        }));
        let threads = threads.into_iter().flatten().flatten();
        threads.for_each(|thread| thread.join().unwrap());
    });
}

/// A goroutine ends while a thread drops its last waker; the next one on its stack has a handle too.
fn last() {
    run(|| {
        let stack = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let stack = stack.clone();
            let ends = go(move || {
                let me = current::<Threads>();
                let drops = block_on::<Threads, _>(poll_fn(|context| {
                    let waker = context.waker().clone();
                    if stack.swap(waker.data().addr(), Ordering::Relaxed) == waker.data().addr() {
                        seen();
                    }
                    Poll::Ready(thread::spawn(move || drop(waker)))
                }));
                drop(me);
                drops
            });
            let drops = ends.join().unwrap_or_else(|never| match never {});
            drops.join().unwrap();
        }
    });
}
