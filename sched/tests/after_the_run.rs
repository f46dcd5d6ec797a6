//! What is left when a run is over.

mod common;

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use common::child::{in_children, status_bytes, succeeds, threads};
use common::count::Count;
use common::{on_each_kind, yield_until};
use g0_sched::{Runtime, block_on, current, go, park, yield_now};

#[test]
fn handles_may_be_kept_beyond_the_run() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let (done, cut, goroutine) = kind
            .with_procs(procs)
            .run(|| {
                let value = count.one();
                let done = go(move || (7, value));
                yield_until("it ends", || done.is_finished());
                let cut = go(|| {
                    loop {
                        park();
                    }
                });
                (done, cut, current().expect("a goroutine"))
            })
            .unwrap();
        let id = goroutine.id();
        goroutine.unpark();
        assert_eq!(goroutine.clone().id(), id, "what a handle keeps stays as it was");
        drop(goroutine);
        assert_eq!(count.dropped(), 0, "the result waits in its handle");
        assert_eq!(done.join().map(|(number, _)| number).unwrap(), 7);
        count.assert_all_dropped(1);
        let payload: Result<(), _> = cut.join();
        assert!(g0_defer::is_goexit(&payload.unwrap_err()), "ended by shutdown");

        let late = count.one();
        let dropped = kind.with_procs(procs).run(|| {
            let handle = go(move || late);
            yield_until("it ends", || handle.is_finished());
            handle
        });
        drop(dropped.unwrap());
        count.assert_all_dropped(2);
    });
}

#[test]
fn runs_one_after_another_keep_no_threads_and_no_memory() {
    fn round(kind: common::Kind, procs: usize) {
        let sum = kind.with_procs(procs).run(|| {
            let all: Vec<_> = (0..20u64)
                .map(|i| {
                    go(move || {
                        yield_now();
                        i
                    })
                })
                .collect();
            drop(go(park));
            all.into_iter().map(|h| h.join().unwrap()).sum::<u64>()
        });
        assert_eq!(sum.unwrap(), 190);
    }
    in_children(
        "runs_one_after_another_keep_no_threads_and_no_memory",
        |kind, procs| {
            (0..20).for_each(|_| round(kind, procs));
            let before = (threads(), status_bytes("VmSize"), status_bytes("VmRSS"));
            (0..200).for_each(|_| round(kind, procs));
            let after = (threads(), status_bytes("VmSize"), status_bytes("VmRSS"));
            // The last thread has left the runtime, but perhaps not yet the kernel.
            let begin = Instant::now();
            while threads() > before.0 && begin.elapsed() < Duration::from_secs(10) {
                std::thread::yield_now();
            }
            assert!(threads() <= before.0, "threads: {before:?} {after:?}");
            // The allocator maps 64 MiB for a thread now and then; a stack slab a run would be more.
            assert!(after.1 <= before.1 + (1 << 30), "address space: {before:?} {after:?}");
            assert!(after.2 <= before.2 + (4 << 20), "memory: {before:?} {after:?}");
        },
        succeeds,
    );
}

#[test]
fn a_runtime_that_never_runs_is_dropped() {
    on_each_kind(|kind, procs| {
        drop(kind.with_procs(procs));
        drop(Runtime::builder().build().unwrap());
    });
}

/// The last waker goes on a thread that is no M while the runtime is freed: neither minds.
#[test]
fn the_last_waker_goes_while_the_runtime_does() {
    on_each_kind(|kind, procs| {
        let (tx, rx) = std::sync::mpsc::channel::<Waker>();
        let dropper = std::thread::spawn(move || {
            for waker in rx {
                waker.wake_by_ref();
                drop(waker);
            }
        });
        for _ in 0..100 {
            let tx = tx.clone();
            kind.with_procs(procs)
                .run(move || {
                    block_on(poll_fn(|context| {
                        tx.send(context.waker().clone()).expect("the thread receives");
                        Poll::Ready(())
                    }));
                })
                .unwrap();
        }
        drop(tx);
        dropper.join().unwrap();
    });
}
