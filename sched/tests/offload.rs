//! Offloaded work: it blocks threads of a pool, and no goroutine but the one that waits for it.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::child::{in_children, succeeds, threads};
use common::{bounded, on_each_kind, on_every_runtime, panic_text, tid};
use g0_sched::{Deadlock, Error, Runtime, channel, current, go, offload, sleep, try_go};

/// Closures that wait for one another, as many as there are.
#[derive(Default)]
struct Meeting {
    here: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    /// Waits until `all` have come; returns false when they do not.
    fn come(&self, all: usize) -> bool {
        let mut here = self.here.lock().unwrap();
        *here += 1;
        self.changed.notify_all();
        let limit = Duration::from_secs(20);
        !self.changed.wait_timeout_while(here, limit, |here| *here < all).unwrap().1.timed_out()
    }
}

#[test]
fn what_is_offloaded_blocks_no_goroutine_and_not_one_another() {
    on_every_runtime(2, || {
        const ALL: usize = 20;
        let meeting = Arc::new(Meeting::default());
        let me = tid();
        let all: Vec<_> = (0..ALL)
            .map(|i| {
                let meeting = meeting.clone();
                go(move || {
                    let here = tid();
                    let (met, there) = offload(move || (meeting.come(ALL), tid()));
                    assert!(met, "each blocks a thread of its own");
                    assert_ne!(there, here);
                    i
                })
            })
            .collect();
        let sum: usize = all.into_iter().map(|one| one.join().unwrap()).sum();
        assert_eq!(sum, ALL * (ALL - 1) / 2);
        assert_ne!(offload(tid), me);
    });
}

#[test]
fn no_more_threads_than_asked_for_run_what_is_offloaded() {
    on_each_kind(|kind, procs| {
        const MOST: usize = 3;
        let builder = Runtime::builder().procs(procs).max_offload_threads(MOST);
        let seen = kind.build(builder).run(|| {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let all: Vec<_> = (0..30)
                .map(|_| {
                    let (now, most) = (now.clone(), most.clone());
                    go(move || {
                        offload(move || {
                            most.fetch_max(
                                now.fetch_add(1, Ordering::SeqCst) + 1,
                                Ordering::SeqCst,
                            );
                            std::thread::sleep(Duration::from_millis(2));
                            now.fetch_sub(1, Ordering::SeqCst);
                            tid()
                        })
                    })
                })
                .collect();
            let threads: HashSet<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
            (threads.len(), most.load(Ordering::SeqCst))
        });
        let (threads, most) = seen.unwrap();
        assert!(threads <= MOST && most <= MOST, "{kind:?}: {threads} threads, {most} at a time");
        assert!(most > 1, "{kind:?}: some run at the same time");
    });
}

#[test]
fn a_pool_without_threads_is_refused() {
    on_each_kind(|kind, _| {
        let none = kind.threads.try_build(Runtime::builder().max_offload_threads(0));
        assert_eq!(none.err(), Some(Error::MaxThreads));
        let many = kind.threads.build(Runtime::builder().procs(1).max_offload_threads(usize::MAX));
        assert_eq!(many.run(|| offload(|| 1)).unwrap(), 1);
    });
}

#[test]
fn a_panic_in_offloaded_work_goes_on_in_its_goroutine() {
    on_every_runtime(2, || {
        for n in 0..10 {
            let said = panic_text(|| offload(move || assert!(n > 100, "no {n}")));
            assert_eq!(said, format!("no {n}"));
        }
        let joined = go(|| offload(|| std::panic::resume_unwind(Box::new(7_u8)))).join();
        assert_eq!(joined.err().and_then(|payload| payload.downcast().ok()), Some(Box::new(7_u8)));
        assert_eq!(offload(|| 1), 1, "the pool goes on");
    });
}

#[test]
fn offloaded_work_runs_as_on_any_thread() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<i32>(0);
        let echo = go(move || rx.into_iter().map(|n| n + 1).sum::<i32>());
        offload(move || {
            assert!(current().is_none());
            assert_eq!(try_go(|| ()).err(), Some(Error::NoRuntime));
            // A channel blocks the thread, and so does the inner one, which runs in place.
            (0..10).for_each(|n| tx.send(n).unwrap());
            let here = tid();
            assert_eq!(offload(tid), here);
        });
        assert_eq!(echo.join().unwrap(), 55);
    });
    bounded("a thread that runs no goroutine", || {
        let here = tid();
        assert_eq!(offload(tid), here);
    });
}

/// Counts itself off when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn the_end_of_the_run_unwinds_what_waits_and_leaves_what_has_begun_to_its_thread() {
    on_each_kind(|kind, procs| {
        let (counted, unwound) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let ran_queued = Arc::new(AtomicBool::new(false));
        let parts = (counted.clone(), unwound.clone(), ran_queued.clone());
        let builder = Runtime::builder().procs(procs).max_offload_threads(1);
        let start = Instant::now();
        let ended = kind
            .build(builder)
            .run_counted(move || {
                let (counted, unwound, ran_queued) = parts;
                let (one, returns) = (Counted::new(&unwound), Counted::new(&counted));
                go(move || {
                    let _one = one;
                    offload(move || {
                        begun.send(()).unwrap();
                        released.recv().unwrap();
                        returns
                    });
                });
                while has_begun.try_recv().is_err() {
                    sleep(Duration::from_millis(1));
                }
                let (two, queued) = (Counted::new(&unwound), Counted::new(&counted));
                go(move || {
                    let _two = two;
                    offload(move || {
                        ran_queued.store(true, Ordering::SeqCst);
                        drop(queued);
                    });
                });
                sleep(Duration::from_millis(5));
            })
            .unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "{kind:?}");
        assert_eq!((ended.left_behind, unwound.load(Ordering::SeqCst)), (0, 0), "{kind:?}");
        assert_eq!(ended.threads_left, 1, "{kind:?}: the closure that has begun has its thread");
        assert_eq!(
            counted.load(Ordering::SeqCst),
            1,
            "{kind:?}: the one that stood in the queue is dropped"
        );
        assert!(!ran_queued.load(Ordering::SeqCst));
        release.send(()).unwrap();
        let late = Instant::now() + Duration::from_secs(20);
        while counted.load(Ordering::SeqCst) != 0 {
            assert!(Instant::now() < late, "{kind:?}: its thread drops what it returns");
            std::thread::yield_now();
        }
    });
}

#[test]
fn the_threads_of_a_pool_end_with_its_runtime() {
    in_children(
        "the_threads_of_a_pool_end_with_its_runtime",
        |kind, procs| {
            let before = threads();
            let during = kind.with_procs(procs).run(|| {
                let meeting = Arc::new(Meeting::default());
                let all: Vec<_> = (0..8)
                    .map(|_| {
                        let meeting = meeting.clone();
                        go(move || assert!(offload(move || meeting.come(8))))
                    })
                    .collect();
                all.into_iter().for_each(|one| one.join().unwrap());
                threads()
            });
            assert!(during.unwrap() >= before + 8);
            let late = Instant::now() + Duration::from_secs(20);
            while threads() != before {
                assert!(Instant::now() < late, "{} threads, {before} before", threads());
                std::thread::yield_now();
            }
        },
        succeeds,
    );
}

#[test]
fn a_deadlock_is_reported_after_offloaded_work_and_not_beside_it() {
    in_children(
        "a_deadlock_is_reported_after_offloaded_work_and_not_beside_it",
        |kind, procs| {
            let builder = Runtime::builder().procs(procs).deadlock(Deadlock::Report);
            let _ = kind.build(builder).run(|| {
                let (tx, rx) = channel::<()>(0);
                go(move || {
                    let _tx = tx;
                    // Nothing else moves meanwhile, for longer than a look for a deadlock takes.
                    offload(|| std::thread::sleep(Duration::from_millis(300)));
                    eprintln!("has worked");
                    let (_keeps, never) = channel::<()>(0);
                    never.recv().unwrap();
                });
                rx.recv().unwrap();
            });
        },
        |kind, procs, out, said| {
            assert!(!out.status.success(), "{kind:?} with {procs} procs: {said}");
            let (before, after) = said.split_once("has worked").expect("the work comes to its end");
            assert!(!before.contains("deadlock") && after.contains("deadlock"), "{kind:?}: {said}");
        },
    );
}
