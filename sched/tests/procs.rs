//! The number of Ps, changed while everything runs.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{bounded, on_each_kind};
use g0_sched::{Error, Runtime, go, procs, set_procs, sleep, yield_now};

#[test]
fn bounds_are_checked() {
    on_each_kind(|kind, _| {
        kind.build(Runtime::builder().procs(2).max_procs(3))
            .run(|| {
                assert_eq!(procs(), 2);
                assert_eq!(set_procs(0), Err(Error::Procs));
                assert_eq!(set_procs(4), Err(Error::Procs));
                assert_eq!(set_procs(3), Ok(2));
                assert_eq!(set_procs(1), Ok(3));
                assert_eq!(procs(), 1);
            })
            .unwrap();
    });
    assert_eq!(set_procs(1), Err(Error::NoRuntime));
    assert_eq!(Runtime::builder().procs(4).max_procs(3).build().err(), Some(Error::Procs));
}

#[test]
fn nothing_is_lost_while_it_changes() {
    on_each_kind(|kind, _| {
        kind.build(Runtime::builder().procs(2).max_procs(4))
            .run(|| {
                let done = Arc::new(AtomicUsize::new(0));
                let over = Arc::new(AtomicBool::new(false));
                let seen = over.clone();
                let changing = go(move || {
                    let mut n = 0usize;
                    while !seen.load(Ordering::SeqCst) {
                        n = n.wrapping_mul(31).wrapping_add(7);
                        set_procs(n % 4 + 1).unwrap();
                        sleep(Duration::from_micros(200));
                    }
                });
                let workers: Vec<_> = (0..64)
                    .map(|_| {
                        let done = done.clone();
                        go(move || {
                            for i in 0..200 {
                                yield_now();
                                if i % 50 == 0 {
                                    sleep(Duration::from_micros(100));
                                }
                            }
                            done.fetch_add(1, Ordering::SeqCst);
                        })
                    })
                    .collect();
                workers.into_iter().for_each(|worker| worker.join().unwrap());
                over.store(true, Ordering::SeqCst);
                changing.join().unwrap();
                assert_eq!(done.load(Ordering::SeqCst), 64);
            })
            .unwrap();
    });
}

#[test]
fn with_fewer_procs_fewer_goroutines_run_at_a_time() {
    on_each_kind(|kind, _| {
        kind.build(Runtime::builder().procs(2).max_procs(2))
            .run(|| {
                set_procs(1).unwrap();
                // The P that is one too many retires at a scheduling point.
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(30) {
                    yield_now();
                }
                // A goroutine that the system puts off for 10 ms is evicted: so not quite never.
                let (running, together) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
                let together = Arc::new(together);
                let workers: Vec<_> = (0..4)
                    .map(|_| {
                        let (running, together) = (running.clone(), together.clone());
                        go(move || {
                            for _ in 0..200 {
                                // No scheduling point between the two.
                                let others = running.fetch_add(1, Ordering::SeqCst);
                                running.fetch_sub(1, Ordering::SeqCst);
                                together.fetch_add(others, Ordering::SeqCst);
                                yield_now();
                            }
                        })
                    })
                    .collect();
                workers.into_iter().for_each(|worker| worker.join().unwrap());
                let together = together.load(Ordering::SeqCst);
                assert!(together < 40, "{together} of 800 times two ran at a time");
            })
            .unwrap();
    });
}

#[test]
fn a_proc_that_is_not_wanted_is_taken_from_an_endless_loop() {
    bounded("a loop and one proc", || {
        // SAFETY: nothing is kept across a suspension point.
        unsafe { Runtime::builder().procs(2).max_procs(2).build_migrating() }
            .unwrap()
            .run(|| {
                let over = Arc::new(AtomicBool::new(false));
                let seen = over.clone();
                let looping = go(move || while !seen.load(Ordering::Relaxed) {});
                sleep(Duration::from_millis(5));
                set_procs(1).unwrap();
                for _ in 0..10 {
                    go(yield_now).join().unwrap();
                    sleep(Duration::from_millis(1));
                }
                over.store(true, Ordering::Relaxed);
                looping.join().unwrap();
            })
            .unwrap();
    });
}
