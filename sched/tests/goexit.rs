//! Goexit ends a goroutine, whatever stands in its way.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{on_each_kind, on_every_runtime};
use g0_sched::{channel, go, goexit, yield_now};

#[test]
fn a_swallowed_goexit_is_thrown_again() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| {
            let stubborn = go(|| {
                for _ in 0..3 {
                    let _ = catch_unwind(|| -> () { goexit() });
                    let _ = catch_unwind(yield_now);
                }
                yield_now();
                unreachable!("it has been told to end seven times");
            });
            let payload = stubborn.join().unwrap_err();
            assert!(g0_defer::is_goexit(&payload));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}

#[test]
fn deferred_calls_that_wait_during_a_goexit_all_run_to_their_end() {
    on_each_kind(|kind, procs| {
        let done = Arc::new(AtomicUsize::new(0));
        let seen = done.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            let (tx, rx) = channel::<usize>(0);
            let leaving = go(move || {
                g0_defer::scope(|outer| {
                    for i in 1..=3 {
                        let (tx, done) = (tx.clone(), done.clone());
                        outer.defer(move || {
                            yield_now();
                            tx.send(i).expect("main receives");
                            yield_now();
                            done.fetch_add(i, Ordering::SeqCst);
                        });
                    }
                    // A scope within: what it holds, it goes on with.
                    g0_defer::scope(|inner| {
                        inner.defer(yield_now);
                        goexit()
                    })
                })
            });
            assert_eq!([rx.recv(), rx.recv(), rx.recv()], [Ok(3), Ok(2), Ok(1)]);
            let payload = leaving.join().unwrap_err();
            assert!(g0_defer::is_goexit(&payload));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        assert_eq!(seen.load(Ordering::SeqCst), 6);
    });
}

#[test]
fn a_panic_that_replaced_a_goexit_may_be_recovered_and_the_goroutine_still_ends() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| {
            let stubborn = go(|| {
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    g0_defer::scope(|s| {
                        s.defer(|| std::panic::resume_unwind(Box::new("in a deferred call")));
                        goexit()
                    })
                }));
                assert!(caught.is_err());
                yield_now();
                unreachable!("goexit cannot be recovered");
            });
            let payload = stubborn.join().unwrap_err();
            assert!(g0_defer::is_goexit(&payload));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}

/// The panic count is the thread's: whoever shared the thread would believe that it unwinds.
#[test]
fn a_goroutine_that_yields_while_it_unwinds_shares_its_thread_with_nobody() {
    struct Yields;
    impl Drop for Yields {
        fn drop(&mut self) {
            for _ in 0..50 {
                yield_now();
                assert!(std::thread::panicking(), "it came back on another thread");
            }
        }
    }
    on_every_runtime(2, || {
        let unwinding: Vec<_> = (0..4)
            .map(|_| {
                go(|| {
                    let _yields = Yields;
                    std::panic::resume_unwind(Box::new(1));
                })
            })
            .collect();
        for _ in 0..500 {
            assert!(!std::thread::panicking(), "another goroutine's panic");
            yield_now();
        }
        for handle in unwinding {
            let outcome: Result<(), _> = handle.join();
            assert!(outcome.is_err());
        }
    });
}
