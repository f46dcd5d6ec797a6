//! Work spreads, nothing is lost on the way, and nobody starves.

mod common;

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::child::{in_children, status_line, succeeds};
use common::{on_each_kind, on_every_runtime, suspends_often, tid, yield_until};
use g0_sched::{Runtime, TryRecvError, channel, go, yield_now};

/// Two goroutines that each wait for the other without a scheduling point.
fn meet() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let both: Vec<_> = (0..2)
        .map(|_| {
            let arrived = arrived.clone();
            go(move || {
                arrived.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::SeqCst) < 2 {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    both.into_iter().for_each(|h| h.join().unwrap());
}

#[test]
fn two_goroutines_run_at_the_same_time_on_two_procs() {
    on_each_kind(|kind, _| {
        kind.with_procs(2).run(|| (0..10).for_each(|_| meet())).unwrap();
    });
}

#[test]
fn an_endless_loop_is_evicted_and_others_run_on_one_proc() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| {
            let looping = go(move || {
                let stop = Arc::new(AtomicBool::new(false));
                let theirs = stop.clone();
                // Not started yet, it waits in this P's queues while the loop runs.
                let stopper = go(move || theirs.store(true, Ordering::Relaxed));
                let mut rounds = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    rounds = black_box(rounds + 1);
                }
                stopper.join().unwrap();
                rounds
            });
            black_box(looping.join().unwrap());
            // The evicted goroutine has come back, and things are as before.
            meet();
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}

#[test]
fn an_endless_loop_of_operations_that_never_wait_is_evicted() {
    on_each_kind(|kind, _| {
        let ended = kind.with_procs(1).run(|| {
            let (stop, stopped) = channel::<()>(0);
            let stopper = go(move || drop(stop));
            // Each is in the scheduler so often that no retaker ever finds it outside.
            while stopped.try_recv() == Err(TryRecvError::Empty) {}
            stopper.join().unwrap();
        });
        ended.unwrap();
    });
}

#[test]
fn l15_spawning_beyond_the_ring_loses_nothing() {
    const MANY: usize = 10_000;
    on_each_kind(|kind, procs| {
        let runtime = kind.build(Runtime::builder().procs(procs).stack_size(64 << 10));
        let ran = Arc::new(AtomicUsize::new(0));
        runtime
            .run(|| {
                let all: Vec<_> = (0..MANY)
                    .map(|i| {
                        let ran = ran.clone();
                        go(move || {
                            ran.fetch_add(1, Ordering::Relaxed);
                            i
                        })
                    })
                    .collect();
                let sum: usize = all.into_iter().map(|h| h.join().unwrap()).sum();
                assert_eq!(sum, MANY * (MANY - 1) / 2);
            })
            .unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), MANY);
    });
}

#[test]
fn l11_spawned_work_reaches_the_second_thread() {
    on_each_kind(|kind, _| {
        kind.with_procs(2)
            .run(|| {
                // Main stays busy without a scheduling point; the spawned must run all the same.
                let ran = Arc::new(AtomicUsize::new(0));
                let mine = tid();
                let all: Vec<_> = (0..20)
                    .map(|_| {
                        let ran = ran.clone();
                        go(move || {
                            ran.fetch_add(1, Ordering::SeqCst);
                            tid()
                        })
                    })
                    .collect();
                while ran.load(Ordering::SeqCst) < 20 {
                    std::hint::spin_loop();
                }
                let threads: HashSet<i32> = all.into_iter().map(|h| h.join().unwrap()).collect();
                assert!(!threads.contains(&mine), "main's thread was busy");
            })
            .unwrap();
    });
}

#[test]
fn l11_an_unpark_by_a_busy_goroutine_reaches_an_idle_proc() {
    on_each_kind(|kind, _| {
        if kind.is_pinned() && suspends_often() {
            return; // The receiver starts while main is suspended, and is bound to its thread.
        }
        kind.with_procs(2)
            .run(|| {
                let (tx, rx) = channel::<usize>(1);
                let got = Arc::new(AtomicUsize::new(0));
                let theirs = got.clone();
                let receiver = go(move || {
                    for value in &rx {
                        theirs.store(value, Ordering::SeqCst);
                    }
                });
                for i in 1..=20 {
                    tx.send(i).unwrap();
                    // No scheduling point: the one made ready waits in our `runnext`, until
                    // sysmon finds it there.
                    while got.load(Ordering::SeqCst) != i {
                        std::hint::spin_loop();
                    }
                }
                drop(tx);
                receiver.join().unwrap();
            })
            .unwrap();
    });
}

#[test]
fn two_that_hand_values_to_each_other_do_not_starve_a_third() {
    on_every_runtime(2, || {
        let stop = Arc::new(AtomicBool::new(false));
        let (ping, pinged) = channel::<u32>(0);
        let (pong, ponged) = channel::<u32>(0);
        let echo = go(move || {
            for value in &pinged {
                pong.send(value).unwrap();
            }
        });
        let begun = Arc::new(AtomicBool::new(false));
        let (theirs, their_begun) = (stop.clone(), begun.clone());
        let player = go(move || {
            let mut rounds = 0u32;
            while !theirs.load(Ordering::SeqCst) {
                ping.send(rounds).unwrap();
                assert_eq!(ponged.recv(), Ok(rounds));
                rounds += 1;
                their_begun.store(true, Ordering::SeqCst);
            }
        });
        // Each of its turns may take a slice of the pair's, which is long where a checker makes all slow.
        let third = go(move || {
            yield_until("the two have begun", || begun.load(Ordering::SeqCst));
            (0..20).for_each(|_| yield_now());
            stop.store(true, Ordering::SeqCst);
        });
        third.join().unwrap();
        player.join().unwrap();
        echo.join().unwrap();
    });
}

#[test]
fn one_that_yields_does_not_starve_the_others() {
    on_every_runtime(2, || {
        let stop = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> = (0..3)
            .map(|_| {
                let stop = stop.clone();
                go(move || {
                    while !stop.load(Ordering::SeqCst) {
                        yield_now();
                    }
                })
            })
            .collect();
        // Woken from outside, through the global queue.
        let (tx, rx) = channel::<u32>(0);
        let thread = std::thread::spawn(move || (0..50).for_each(|i| tx.send(i).unwrap()));
        assert!(rx.iter().eq(0..50));
        thread.join().unwrap();
        stop.store(true, Ordering::SeqCst);
        hogs.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn no_signal_is_taken_but_those_of_a_stack_overflow() {
    const OURS: u64 = 1 << (libc::SIGSEGV - 1) | 1 << (libc::SIGBUS - 1);
    let caught = || u64::from_str_radix(&status_line("SigCgt"), 16).unwrap() & !OURS;
    let ignored = || u64::from_str_radix(&status_line("SigIgn"), 16).unwrap();
    in_children(
        "no_signal_is_taken_but_those_of_a_stack_overflow",
        |kind, procs| {
            let before = (caught(), ignored());
            kind.with_procs(procs)
                .run(|| {
                    meet();
                    assert_eq!((caught(), ignored()), before);
                })
                .unwrap();
            assert_eq!((caught(), ignored()), before);
        },
        succeeds,
    );
}
