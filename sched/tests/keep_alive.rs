//! Threads of a platform of one's own end when they have rested, if the scheduler is told how long they stay: a timer
//! tick sees to it. (`cgo/tests/sched_keep_alive.rs` has the hosted runtimes.)

mod common;
#[allow(dead_code, reason = "the other test files use the rest")]
mod own;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::Exclusive;
use common::child::{in_children, succeeds, threads};
use g0_sched::{Fences, Scheduler};
use own::{Own, rt};

/// Goroutines that have a thread each, all at the same time.
const MANY: usize = 12;
/// The program's first thread, the test's, which is main's, the tick's, one for each P, and one on its way out.
const FEW: usize = 6;

/// For the goroutines and main.
fn barrier() -> Arc<rt::Barrier> {
    Arc::new(rt::Barrier::new(MANY + 1))
}

fn lock_threads() {
    let (all_are_there, counted) = (barrier(), barrier());
    let locked: Vec<_> = (0..MANY)
        .map(|_| {
            let (met, go_on) = (all_are_there.clone(), counted.clone());
            rt::go(move || {
                rt::lock_os_thread();
                met.wait();
                go_on.wait();
                rt::unlock_os_thread();
            })
        })
        .collect();
    all_are_there.wait();
    assert!(threads() >= MANY, "each has a thread");
    counted.wait();
    locked.into_iter().for_each(|one| one.join().unwrap());
}

fn until_few_are_left(few: usize) {
    let start = Instant::now();
    while threads() > few {
        assert!(start.elapsed() < Duration::from_secs(30), "{} threads are left", threads());
        rt::sleep(Duration::from_millis(1));
    }
}

#[test]
fn threads_that_have_rested_end_by_a_timer_tick() {
    in_children(
        "threads_that_have_rested_end_by_a_timer_tick",
        |kind, procs| {
            own::register();
            let symmetric = kind.fences == Fences::Symmetric;
            let config = own::config(procs, kind.threads.mobility(), symmetric);
            let scheduler: &'static Scheduler<Own> =
                Box::leak(Box::new(Scheduler::new(config).keep_alive(1_000_000)));
            let _tick = own::watch(scheduler);
            let main = || {
                // Their Ms are used again.
                for _ in 0..3 {
                    lock_threads();
                    until_few_are_left(FEW + usize::from(kind.threads == Exclusive));
                }
            };
            let ended = scheduler.run(main).unwrap();
            assert!(ended.result.unwrap().is_ok());
        },
        succeeds,
    );
}

#[test]
fn without_being_told_they_stay() {
    in_children(
        "without_being_told_they_stay",
        |kind, procs| {
            let symmetric = kind.fences == Fences::Symmetric;
            let scheduler = own::scheduler(procs, kind.threads.mobility(), symmetric);
            let _tick = own::watch(scheduler);
            let main = || {
                lock_threads();
                rt::sleep(Duration::from_millis(200));
                assert!(threads() >= MANY, "{} threads are left", threads());
            };
            assert!(scheduler.run(main).unwrap().result.unwrap().is_ok());
        },
        succeeds,
    );
}
