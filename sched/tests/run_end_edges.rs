//! Where the end of a run meets something else: what is just starting, few threads, the next run, threads that are none
//! of its own.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::count::Count;
use common::{Exclusive, Kind, on_each_kind, yield_until};
use g0_sched::{
    Condvar, Mutex, Runtime, go, lock_os_thread, offload, park, sleep, stats, yield_now,
};

/// The grace where all goroutines end: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn patient(kind: Kind, procs: usize) -> Runtime {
    kind.build(Runtime::builder().procs(procs).grace(PATIENCE))
}

/// Sets the flag when it is dropped.
struct Sets(Arc<AtomicBool>);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Main returns while goroutines start: some have begun, some wait in a queue, some are on their way to another thread.
#[test]
fn l25_what_has_just_been_started_is_ended_or_dropped_once() {
    on_each_kind(|kind, procs| {
        for round in 0..60 {
            let (many, count, ran) =
                (kind.at_most(24), Count::new(), Arc::new(AtomicUsize::new(0)));
            let (theirs, runs) = (count.clone(), ran.clone());
            let ended = patient(kind, 2 * procs).run_counted(move || {
                for i in 0..many {
                    let (one, runs) = (theirs.one(), runs.clone());
                    drop(go(move || {
                        let _one = one;
                        runs.fetch_add(1, Ordering::SeqCst);
                        park();
                    }));
                    if i % 8 == round % 8 {
                        yield_now();
                    }
                }
            });
            assert_eq!(ended.unwrap().left_behind, 0, "{kind:?} with {procs}");
            count.assert_all_dropped(many);
            assert!(ran.load(Ordering::SeqCst) <= many);
        }
    });
}

#[test]
fn many_runs_one_after_the_other_leave_nothing() {
    on_each_kind(|kind, procs| {
        for _ in 0..if kind.threads == Exclusive { 100 } else { 300 } {
            let empty = kind.with_procs(procs).run_counted(|| 7).unwrap();
            assert_eq!((empty.result, empty.left_behind, empty.threads_left), (Some(7), 0, 0));
            let three = patient(kind, procs).run_counted(|| {
                (0..3).for_each(|_| drop(go(park)));
                yield_now();
            });
            let three = three.unwrap();
            assert_eq!((three.left_behind, three.threads_left), (0, 0), "{kind:?} with {procs}");
        }
    });
}

/// One thread must do, for main and then for the rest, also where the first is main's alone.
#[test]
fn l25_with_a_single_thread_all_that_is_parked_is_unwound() {
    on_each_kind(|kind, procs| {
        if kind.threads == Exclusive {
            return; // Each goroutine needs one.
        }
        for locked in [false, true] {
            let builder = Runtime::builder().procs(procs).max_threads(1).grace(PATIENCE);
            let builder = if locked { builder.lock_main_thread() } else { builder };
            let count = Count::new();
            let theirs = count.clone();
            let ended = kind.build(builder).run_counted(move || {
                let started = Arc::new(AtomicUsize::new(0));
                for _ in 0..10 {
                    let (one, started) = (theirs.one(), started.clone());
                    drop(go(move || {
                        let _one = one;
                        started.fetch_add(1, Ordering::SeqCst);
                        park();
                    }));
                }
                yield_until("all start", || started.load(Ordering::SeqCst) == 10);
            });
            assert_eq!(ended.unwrap().left_behind, 0, "{kind:?} with {procs}, {locked}");
            count.assert_all_dropped(10);
        }
    });
}

/// All threads but those that stay have ended when main returns: the end starts what it needs.
#[test]
fn l25_the_end_finds_threads_though_all_have_been_dismissed() {
    on_each_kind(|kind, procs| {
        let builder =
            Runtime::builder().procs(procs).thread_keep_alive(Duration::ZERO).grace(PATIENCE);
        let (many, dropped) = (kind.at_most(300), Arc::new(AtomicUsize::new(0)));
        let theirs = dropped.clone();
        let ended = kind.build(builder).run_counted(move || {
            struct Waits(Arc<AtomicUsize>);
            impl Drop for Waits {
                fn drop(&mut self) {
                    sleep(Duration::from_millis(1));
                    self.0.fetch_add(1, Ordering::SeqCst);
                }
            }
            let started = Arc::new(AtomicUsize::new(0));
            for _ in 0..many {
                let (waits, started) = (Waits(theirs.clone()), started.clone());
                drop(go(move || {
                    let _waits = waits;
                    started.fetch_add(1, Ordering::SeqCst);
                    park();
                }));
            }
            yield_until("all start", || started.load(Ordering::SeqCst) == many);
            sleep(Duration::from_millis(20));
        });
        assert_eq!(ended.unwrap().left_behind, 0, "{kind:?} with {procs}");
        assert_eq!(dropped.load(Ordering::SeqCst), many);
    });
}

/// The goroutine has taken the one notice, and is ended before it has its mutex.
#[test]
fn a_notice_that_an_ended_goroutine_has_taken_goes_to_the_next_waiter() {
    on_each_kind(|kind, procs| {
        let condvar = leak(Condvar::new());
        let (ours, theirs) = (leak(Mutex::new(false)), leak(Mutex::new(false)));
        let thread = std::sync::Mutex::new(None);
        let ended = patient(kind, procs).run_counted(|| {
            drop(go(|| {
                let mut begun = ours.lock().unwrap();
                *begun = true;
                drop(condvar.wait(begun));
            }));
            yield_until("the goroutine waits", || {
                *ours.lock().unwrap() && stats().unwrap().goroutines.waiting == 1
            });
            *thread.lock().unwrap() = Some(std::thread::spawn(|| {
                let mut begun = theirs.lock().unwrap();
                *begun = true;
                !condvar.wait_timeout(begun, Duration::from_secs(30)).unwrap().1.timed_out()
            }));
            yield_until("the thread waits", || *theirs.lock().unwrap());
            sleep(Duration::from_millis(20));
            // For good.
            std::mem::forget(ours.lock());
            condvar.notify_one();
            (0..20).for_each(|_| yield_now());
            sleep(Duration::from_millis(5));
        });
        assert_eq!(ended.unwrap().left_behind, 0, "{kind:?} with {procs}");
        let thread = thread.into_inner().unwrap().unwrap();
        assert!(thread.join().unwrap(), "{kind:?} with {procs}: the notice is lost");
    });
}

/// What is left behind goes on beyond the end, and offloads something: it is ended there, or it remains there. That there
/// is no thread any more is no error of its own.
#[test]
fn what_is_left_behind_meets_no_error_where_it_offloads() {
    on_each_kind(|kind, procs| {
        let (over, panicked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (theirs, tells) = (over.clone(), panicked.clone());
        let went_on = Arc::new(AtomicBool::new(false));
        let reached = went_on.clone();
        let offloads = Arc::new(AtomicBool::new(false));
        let at_it = offloads.clone();
        let builder = Runtime::builder().procs(procs + 1).grace(Duration::ZERO);
        let ended = kind.build(builder).run_counted(move || {
            lock_os_thread();
            // There is a pool to be closed.
            offload(|| ());
            let begun = Arc::new(AtomicBool::new(false));
            let sets = Sets(begun.clone());
            drop(go(move || {
                drop(sets);
                while !theirs.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                at_it.store(true, Ordering::SeqCst);
                let caught = std::panic::catch_unwind(|| offload(|| ()));
                let goexit = caught.as_ref().is_err_and(|payload| payload.is::<g0_defer::Goexit>());
                tells.store(caught.is_err() && !goexit, Ordering::SeqCst);
                reached.store(caught.is_ok(), Ordering::SeqCst);
            }));
            yield_until("it begins", || begun.load(Ordering::SeqCst));
        });
        assert_eq!(ended.unwrap().left_behind, 1, "{kind:?} with {procs}");
        over.store(true, Ordering::SeqCst);
        while !offloads.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(30));
        assert!(!panicked.load(Ordering::SeqCst), "{kind:?} with {procs}: an error of the end's");
        assert!(!went_on.load(Ordering::SeqCst), "{kind:?} with {procs}: it ran without a pool");
    });
}
