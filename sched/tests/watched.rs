//! Schedulers that a program makes itself on Linux threads: a run starts the thread that watches.

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::child::in_children;
use common::{Threads, bounded};
use g0_sched::port::Machines;
use g0_sched::{
    Deadlock, Error, Hosted, Mobility, Platform, Scheduler, channel, go, lock_os_thread, offload,
    os_thread_locked, sleep, yield_now,
};
use own::as_own;

/// A scheduler that stays for the rest of the program.
fn scheduler<P: Platform>(
    procs: usize,
    mobility: Mobility,
    symmetric: bool,
) -> &'static Scheduler<P> {
    // Nothing has asked the kernel for `membarrier` before.
    let scheduler = Scheduler::new(own::config(procs, mobility, symmetric));
    Box::leak(Box::new(scheduler.deadlock(Deadlock::Report)))
}

/// What needs another thread, and a P taken from this one; and what needs neither.
fn work() {
    static SEEN: AtomicBool = AtomicBool::new(false);
    SEEN.store(false, Ordering::SeqCst);
    let there = go(|| SEEN.store(true, Ordering::SeqCst));
    while !SEEN.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(1));
    }
    there.join().unwrap();
    // No builder has given it a pool.
    assert_eq!(offload(|| 7), 7);
    let locked = go(|| {
        lock_os_thread();
        yield_now();
        sleep(Duration::from_millis(1));
    });
    let (tx, rx) = channel(0);
    let sender = go(move || (0..100_u32).for_each(|i| tx.send(i).unwrap()));
    assert_eq!(rx.iter().sum::<u32>(), 4950);
    sender.join().unwrap();
    locked.join().unwrap();
}

#[test]
fn a_run_of_a_scheduler_of_ones_own_starts_the_thread_that_watches() {
    for threads in Threads::ALL {
        let mobility = threads.mobility();
        for (procs, symmetric) in [(1, false), (2, false), (1, true), (2, true)] {
            bounded("a scheduler on Linux threads", move || {
                let ended = scheduler::<Hosted>(procs, mobility, symmetric).run(work).unwrap();
                assert!(ended.result.is_some_and(|result| result.is_ok()));
                assert_eq!(ended.left_behind, 0);
                let wired = scheduler::<Hosted>(procs, mobility, symmetric).run_locked(|| {
                    assert!(os_thread_locked(), "main is wired");
                    work();
                });
                assert!(wired.unwrap().result.is_some_and(|result| result.is_ok()));
            });
        }
    }
}

#[test]
fn its_deadlock_is_reported() {
    in_children(
        "its_deadlock_is_reported",
        |kind, procs| {
            let _ = scheduler::<Hosted>(procs, kind.threads.mobility(), true).run(g0_sched::park);
        },
        |kind, procs, out, said| {
            assert!(!out.status.success(), "{kind:?} with {procs} procs: {said}");
            assert!(said.contains("all goroutines wait for ever"), "{said}");
        },
    );
}

/// A platform that says that a thread watches, and has none to spare.
#[derive(Debug)]
enum Unwatched {}

// SAFETY: all that a platform promises is `Own`'s.
unsafe impl Platform for Unwatched {
    type Unwind = g0_defer::Rust;

    as_own!(whole);
}

impl Machines for Unwatched {
    const WATCHED: bool = true;
}

g0_sched::default_parts!(Unwatched: ForeignCode, Interrupts, Reports, Unwinding);

#[test]
fn where_no_thread_watches_the_run_does_not_begin() {
    for threads in Threads::ALL {
        for procs in [1, 2] {
            bounded("a run without the thread that watches", move || {
                let scheduler = scheduler::<Unwatched>(procs, threads.mobility(), true);
                let ended = scheduler.run(|| unreachable!("it begins"));
                assert_eq!(ended.err(), Some(Error::ThreadSpawn));
            });
        }
    }
}
