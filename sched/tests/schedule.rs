//! Who runs, and how many at a time, whatever else goes on.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{Exclusive, on_each_kind, on_every_runtime, suspends_often, yield_until};
use g0_sched::{
    Runtime, Semaphore, channel, current, go, lock_os_thread, set_procs, sleep, stats, yield_now,
};

/// `n` goroutines that hand a token round without a scheduling point: each must run.
fn round_robin(n: usize) {
    const ROUNDS: usize = 30;
    let token = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..n)
        .map(|i| {
            let token = token.clone();
            go(move || {
                for round in 0..ROUNDS {
                    while token.load(Ordering::SeqCst) != round * n + i {
                        // There may be fewer CPUs: the kernel is asked, and not the scheduler.
                        std::thread::yield_now();
                    }
                    token.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    all.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(token.load(Ordering::SeqCst), ROUNDS * n);
}

#[test]
fn as_many_goroutines_run_at_a_time_as_there_are_procs() {
    on_each_kind(|kind, n| {
        kind.with_procs(n * 2).run(move || (0..5).for_each(|_| round_robin(n * 2))).unwrap();
    });
}

#[test]
fn they_do_so_beside_load_and_sleepers_too() {
    on_each_kind(|kind, n| {
        let ended = kind.with_procs(n * 2).run_counted(move || {
            let over = Arc::new(AtomicBool::new(false));
            let load: Vec<_> = (0..8)
                .map(|i| {
                    let over = over.clone();
                    go(move || {
                        while !over.load(Ordering::SeqCst) {
                            if i % 2 == 0 {
                                yield_now();
                            } else {
                                sleep(Duration::from_micros(300));
                            }
                        }
                    })
                })
                .collect();
            (0..3).for_each(|_| round_robin(n * 2));
            over.store(true, Ordering::SeqCst);
            load.into_iter().for_each(|one| one.join().unwrap());
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}

/// Spawns its successor and ends, until it is over.
fn spawn_on(over: Arc<AtomicBool>, alive: Arc<AtomicUsize>) {
    if over.load(Ordering::SeqCst) {
        alive.fetch_sub(1, Ordering::SeqCst);
    } else {
        drop(go(move || spawn_on(over, alive)));
    }
}

#[test]
fn goroutines_that_start_each_other_without_end_starve_nobody() {
    on_each_kind(|kind, procs| {
        kind.with_procs(procs)
            .run(|| {
                let over = Arc::new(AtomicBool::new(false));
                let alive = Arc::new(AtomicUsize::new(3));
                for _ in 0..3 {
                    let (over, alive) = (over.clone(), alive.clone());
                    drop(go(move || spawn_on(over, alive)));
                }
                // By the ring or the local list, and by the global queue.
                (0..200).for_each(|_| yield_now());
                let (tx, rx) = channel(0);
                let thread = std::thread::spawn(move || (0..20).for_each(|i| tx.send(i).unwrap()));
                assert!(rx.iter().eq(0..20));
                thread.join().unwrap();
                over.store(true, Ordering::SeqCst);
                yield_until("the last has come", || alive.load(Ordering::SeqCst) == 0);
            })
            .unwrap();
    });
}

#[test]
fn goroutines_that_lock_and_end_without_end_starve_nobody() {
    // Their Ms hand the P to one another after a few switches each.
    on_each_kind(|kind, procs| {
        kind.with_procs(procs)
            .run(|| {
                let over = Arc::new(AtomicBool::new(false));
                let chains: Vec<_> = (0..5)
                    .map(|_| {
                        let over = over.clone();
                        go(move || {
                            while !over.load(Ordering::SeqCst) {
                                let locks = || {
                                    lock_os_thread();
                                    yield_now();
                                };
                                go(locks).join().unwrap();
                            }
                        })
                    })
                    .collect();
                for _ in 0..3 {
                    // By the timers, and by the global queue.
                    sleep(Duration::from_millis(2));
                    let (tx, rx) = channel(0);
                    let thread = std::thread::spawn(move || tx.send(1).unwrap());
                    assert_eq!(rx.recv(), Ok(1));
                    thread.join().unwrap();
                }
                over.store(true, Ordering::SeqCst);
                chains.into_iter().for_each(|chain| chain.join().unwrap());
            })
            .unwrap();
    });
}

#[test]
fn the_number_of_procs_changes_amid_endless_spawning() {
    on_each_kind(|kind, _| {
        kind.build(Runtime::builder().procs(2).max_procs(4))
            .run(|| {
                let over = Arc::new(AtomicBool::new(false));
                let alive = Arc::new(AtomicUsize::new(3));
                for _ in 0..3 {
                    let (over, alive) = (over.clone(), alive.clone());
                    drop(go(move || spawn_on(over, alive)));
                }
                for i in 0..200 {
                    set_procs(i % 4 + 1).unwrap();
                    yield_now();
                }
                over.store(true, Ordering::SeqCst);
                yield_until("the last has come", || alive.load(Ordering::SeqCst) == 0);
            })
            .unwrap();
    });
}

#[test]
fn a_goroutine_that_yields_lets_the_one_that_it_has_just_started_run_first_each_time() {
    if suspends_often() {
        return;
    }
    // More often than the other queues have their turn.
    const TIMES: usize = 300;
    on_each_kind(|kind, _| {
        let ended = kind.with_procs(1).run(move || {
            let ran = Arc::new(AtomicUsize::new(0));
            for before in 0..TIMES {
                let mark = ran.clone();
                drop(go(move || mark.fetch_add(1, Ordering::SeqCst)));
                yield_now();
                assert_eq!(ran.load(Ordering::SeqCst), before + 1, "it has run");
            }
        });
        ended.expect("main returns");
    });
}

#[test]
fn a_permit_that_is_released_starts_whoever_waits_for_it_before_others() {
    const TRIES: usize = 60;
    on_each_kind(|kind, _| {
        if kind.threads == Exclusive || suspends_often() {
            return; // There a turn is a thread's.
        }
        kind.with_procs(1)
            .run(|| {
                let (over, turns) =
                    (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
                let hogs: Vec<_> = (0..4)
                    .map(|_| {
                        let (over, turns) = (over.clone(), turns.clone());
                        go(move || {
                            while !over.load(Ordering::SeqCst) {
                                turns.fetch_add(1, Ordering::SeqCst);
                                yield_now();
                            }
                        })
                    })
                    .collect();
                let mut at_once = 0;
                for _ in 0..TRIES {
                    let semaphore = Arc::new(Semaphore::new(1));
                    let permit = semaphore.acquire();
                    let (theirs, counted) = (semaphore.clone(), turns.clone());
                    let waits = go(move || {
                        let _permit = theirs.acquire();
                        counted.load(Ordering::SeqCst)
                    });
                    // It has been the turn of all, so of this one too.
                    (0..3).for_each(|_| yield_now());
                    let before = turns.load(Ordering::SeqCst);
                    drop(permit);
                    yield_now();
                    at_once += usize::from(waits.join().unwrap() == before);
                }
                over.store(true, Ordering::SeqCst);
                hogs.into_iter().for_each(|hog| hog.join().unwrap());
                assert!(at_once * 3 > TRIES * 2, "{at_once} of {TRIES} times before others");
            })
            .unwrap();
    });
}

#[test]
fn a_runtime_has_no_goroutines_of_its_own_and_main_is_the_first() {
    on_every_runtime(2, || {
        assert_eq!(current().expect("main").id(), 1);
        assert_eq!(stats().unwrap().goroutines.all(), 1);
        // Nor after all that might start some: timers, other threads, other Ps.
        sleep(Duration::from_micros(100));
        set_procs(1).unwrap();
        assert_eq!(go(|| stats().unwrap().goroutines.all()).join().unwrap(), 2);
        yield_until("it has gone", || stats().unwrap().goroutines.all() == 1);
    });
}

#[test]
fn who_runs_is_known_after_every_change_of_thread() {
    on_every_runtime(2, || {
        let all: Vec<_> = (0..6)
            .map(|i| {
                go(move || {
                    let mine = current().expect("a goroutine").id();
                    for round in 0..200 {
                        if (round + i) % 50 == 0 {
                            sleep(Duration::from_micros(50));
                        }
                        yield_now();
                        assert_eq!(current().expect("a goroutine").id(), mine);
                    }
                    mine
                })
            })
            .collect();
        let mut seen: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6, "two have one number");
    });
}
