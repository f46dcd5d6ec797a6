//! Threads of C's own that have an M for the length of a callback only.

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_cgo::{CallbackError, call, call_blocking, callback, try_callback};
use g0_sched::{ForeignThreads, Runtime, channel, go, stats, yield_now};
use threads::{CThread, alone, is_bound, machine, on_c_thread};

fn borrowing(procs: usize, main: impl Fn() + Send + Sync + 'static) {
    common::on_each_kind(move |kind, n| {
        let procs = if n == 1 { 1 } else { procs };
        let builder = Runtime::builder().procs(procs).foreign_threads(ForeignThreads::Borrow);
        let ended = kind.build(builder).run_counted(&main).expect("main returns");
        assert_eq!(ended.left_behind, 0);
    });
}

#[test]
fn a_callback_is_goroutine_code_and_leaves_the_thread_as_it_was() {
    let _alone = alone();
    borrowing(2, || {
        let (tx, rx) = channel::<u64>(0);
        let sum = go(move || rx.iter().sum::<u64>());
        on_c_thread(move || {
            for i in 0..50 {
                assert!(!is_bound());
                let value = callback(0, || {
                    tx.send(i).unwrap();
                    yield_now();
                    call(|| callback(0, || go(move || i + 1).join().unwrap()))
                });
                assert_eq!(value, i + 1);
            }
            assert!(!is_bound());
        });
        assert_eq!(sum.join().unwrap(), 49 * 50 / 2);
        assert_eq!(stats().unwrap().machines.foreign, 0);
    });
}

#[test]
fn l7_threads_that_never_meet_share_few_machines() {
    let _alone = alone();
    borrowing(2, || {
        let (tx, rx) = std::sync::mpsc::channel();
        call_blocking(move || {
            let up = Arc::new(std::sync::Barrier::new(20));
            let threads: Vec<_> = (0..20)
                .map(|_| {
                    let (tx, up) = (tx.clone(), up.clone());
                    CThread::new(move || {
                        up.wait();
                        tx.send(callback(0, machine)).unwrap();
                        up.wait();
                    })
                })
                .collect();
            threads.into_iter().for_each(CThread::join);
        });
        assert!(rx.iter().filter(|&m| m != 0).count() == 20);
        // One thread after the other: those that there are suffice.
        let seen: Vec<_> = (0..20)
            .map(|_| {
                let (tx, rx) = std::sync::mpsc::channel();
                on_c_thread(move || (0..5).for_each(|_| tx.send(callback(0, machine)).unwrap()));
                rx.iter().collect::<Vec<_>>()
            })
            .collect();
        let different: std::collections::BTreeSet<_> = seen.into_iter().flatten().collect();
        assert!(different.len() <= 21, "{}", different.len());
    });
}

#[test]
fn many_threads_borrow_at_once() {
    let _alone = alone();
    borrowing(2, || {
        let count = Arc::new(AtomicUsize::new(0));
        let theirs = count.clone();
        call_blocking(move || {
            let threads: Vec<_> = (0..100)
                .map(|n| {
                    let count = theirs.clone();
                    CThread::new(move || {
                        for i in 0..50 {
                            callback((), || {
                                if (i + n) % 7 == 0 {
                                    yield_now();
                                }
                                count.fetch_add(1, Ordering::SeqCst);
                            });
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(CThread::join);
        });
        assert_eq!(count.load(Ordering::SeqCst), 5000);
        assert_eq!(stats().unwrap().machines.foreign, 0);
        assert_eq!(stats().unwrap().goroutines.all(), 1);
    });
}

#[test]
fn after_the_end_there_is_nothing_to_borrow() {
    let _alone = alone();
    let (tx, rx) = std::sync::mpsc::channel::<()>();
    let (done, seen) = std::sync::mpsc::channel();
    let thread = CThread::new(move || {
        for () in rx {
            done.send(try_callback(|| 1)).unwrap();
        }
    });
    let step = |expected| {
        tx.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), expected);
    };
    step(Err(CallbackError::NoRuntime));
    let runtime = Runtime::builder().foreign_threads(ForeignThreads::Borrow).build().unwrap();
    std::thread::scope(|_| {
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let (up, is_up) = std::sync::mpsc::channel::<()>();
        let main = std::thread::spawn(move || {
            runtime
                .run(move || {
                    up.send(()).unwrap();
                    call_blocking(|| wait.recv().unwrap());
                })
                .unwrap();
        });
        is_up.recv().unwrap();
        step(Ok(1));
        go_on.send(()).unwrap();
        main.join().unwrap();
    });
    step(Err(CallbackError::NoRuntime));
    drop(tx);
    thread.join();
}
