//! Barriers: nobody goes on before all have come.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::count::Count;
use common::{on_each_kind, on_every_runtime, yield_until};
use g0_sched::{Barrier, go, yield_now};

#[test]
fn all_meet_in_every_round_and_one_leads() {
    const ALL: usize = 6;
    const ROUNDS: usize = 50;
    on_every_runtime(2, || {
        let barrier = Arc::new(Barrier::new(ALL));
        let (come, leaders) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let meet = || {
            let (barrier, come, leaders) = (barrier.clone(), come.clone(), leaders.clone());
            move || {
                for round in 1..=ROUNDS {
                    come.fetch_add(1, Ordering::SeqCst);
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::SeqCst);
                    }
                    assert!(come.load(Ordering::SeqCst) >= round * ALL, "somebody is missing");
                    // Nobody comes for the next round before all have looked.
                    barrier.wait();
                    assert_eq!(leaders.load(Ordering::SeqCst), round);
                    barrier.wait();
                }
            }
        };
        let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(meet())).collect();
        let goroutines: Vec<_> = (2..ALL).map(|_| go(meet())).collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| {
            yield_until("the thread ends", || t.is_finished());
            t.join().unwrap();
        });
        assert_eq!(come.load(Ordering::SeqCst), ALL * ROUNDS);
    });
}

#[test]
fn for_none_or_one_nobody_waits_and_all_lead() {
    on_every_runtime(2, || {
        for number in [0, 1] {
            let barrier = Barrier::new(number);
            assert!((0..3).all(|_| barrier.wait().is_leader()));
        }
    });
}

#[test]
fn one_whom_shutdown_unwinds_has_not_come() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let barrier = Arc::new(Barrier::new(2));
        let never = Arc::new(Barrier::new(usize::MAX));
        let ended = kind.with_procs(procs).run_counted(|| {
            let started = Arc::new(AtomicUsize::new(0));
            for i in 0..4 {
                let (barrier, never) = (barrier.clone(), never.clone());
                let (one, started) = (count.one(), started.clone());
                drop(go(move || {
                    let _one = one;
                    started.fetch_add(1, Ordering::SeqCst);
                    if i == 0 {
                        barrier.wait();
                    } else {
                        never.wait();
                    }
                    unreachable!("nobody else comes");
                }));
            }
            yield_until("all start", || started.load(Ordering::SeqCst) == 4);
            (0..5).for_each(|_| yield_now());
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(4);
        // Two are needed, as before: a thread waits for another.
        let theirs = barrier.clone();
        let thread = std::thread::spawn(move || theirs.wait().is_leader());
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(!thread.is_finished());
        assert_ne!(barrier.wait().is_leader(), thread.join().unwrap(), "one of the two leads");
    });
}

#[test]
fn a_barrier_lies_in_a_static() {
    static TWO: Barrier = Barrier::new(2);
    on_every_runtime(2, || {
        let other = go(|| TWO.wait().is_leader());
        assert_ne!(TWO.wait().is_leader(), other.join().unwrap());
    });
}
