//! On the pinned runtime new goroutines are spread over threads, and main's is the last.

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Pinned, bounded, suspends_often, tid};
use g0_sched::{Runtime, channel, go, offload, scope, set_procs, sleep, yield_now};

/// Runs `test` as main of a pinned runtime with so many Ps.
fn pinned<R: Send + 'static>(procs: usize, test: impl FnOnce() -> R + Send + 'static) -> R {
    bounded("a pinned runtime", move || {
        Pinned.build(Runtime::builder().procs(procs).max_procs(4)).run(test).unwrap()
    })
}

/// Sleeps until `done`, for as long as a test may take.
fn sleep_until(mut done: impl FnMut() -> bool) {
    let late = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < late, "in vain");
        sleep(Duration::from_millis(1));
    }
}

/// Starts a pool of `workers` that wait for items, and returns where they have come to wait.
fn pool(workers: usize) -> HashMap<i32, usize> {
    let (tx, rx) = channel::<()>(0);
    let begun = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..workers)
        .map(|_| {
            let (rx, begun) = (rx.clone(), begun.clone());
            go(move || {
                let here = tid();
                begun.fetch_add(1, Ordering::Relaxed);
                assert!(rx.recv().is_err());
                assert_eq!(here, tid());
                here
            })
        })
        .collect();
    sleep_until(|| begun.load(Ordering::Relaxed) == workers);
    drop(tx);
    let mut homes = HashMap::new();
    for worker in all {
        *homes.entry(worker.join().unwrap()).or_insert(0) += 1;
    }
    homes
}

#[test]
fn a_pool_that_is_started_before_its_work_lives_on_several_threads() {
    for procs in 2..=4 {
        for _ in 0..10 {
            let homes = pinned(procs, || pool(8));
            assert!(homes.len() >= 2, "{procs} procs: {homes:?}");
        }
    }
}

#[test]
fn a_pool_lives_on_several_threads_though_main_computes_while_it_starts_it() {
    for procs in 2..=4 {
        let homes = pinned(procs, || {
            let (tx, rx) = channel::<()>(0);
            let begun = Arc::new(AtomicUsize::new(0));
            let all: Vec<_> = (0..20)
                .map(|_| {
                    let (rx, begun) = (rx.clone(), begun.clone());
                    let worker = go(move || {
                        begun.fetch_add(1, Ordering::Relaxed);
                        assert!(rx.recv().is_err());
                        tid()
                    });
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(2) {
                        std::hint::spin_loop();
                    }
                    worker
                })
                .collect();
            sleep_until(|| begun.load(Ordering::Relaxed) == 20);
            drop(tx);
            all.into_iter().map(|worker| worker.join().unwrap()).collect::<HashSet<_>>()
        });
        assert!(homes.len() >= 2, "{procs} procs: {homes:?}");
    }
}

#[test]
fn a_crowd_that_is_busy_with_itself_goes_on_while_threads_are_started_for_it() {
    for round in 0..30 {
        pinned(2 + round % 2, || {
            let (tx, rx) = channel::<u32>(20);
            let all: Vec<_> = (0..20)
                .map(|_| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    go(move || {
                        let mine = tid();
                        for n in 0..50 {
                            tx.send(n).unwrap();
                            rx.recv().unwrap();
                            yield_now();
                            assert_eq!(tid(), mine);
                        }
                    })
                })
                .collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        });
    }
}

#[test]
fn main_goes_on_beside_what_it_has_started_whatever_that_does() {
    for procs in 2..=4 {
        for _ in 0..10 {
            let others = pinned(procs, || {
                let (begun, stop) =
                    (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
                let (begins, seen) = (begun.clone(), stop.clone());
                // It comes to no operation: nothing but main's own thread could let main go on.
                let looping = go(move || {
                    begins.store(true, Ordering::Relaxed);
                    while !seen.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                    tid()
                });
                sleep_until(|| begun.load(Ordering::Relaxed));
                stop.store(true, Ordering::Relaxed);
                looping.join().unwrap() != tid()
            });
            assert!(others, "{procs} procs");
        }
    }
}

#[test]
fn main_goes_on_though_it_yields_while_the_other_thread_is_started() {
    for _ in 0..10 {
        pinned(2, || {
            let (started, stop) =
                (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let (begun, seen) = (started.clone(), stop.clone());
            let looping = go(move || {
                begun.store(true, Ordering::Relaxed);
                while !seen.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            while !started.load(Ordering::Relaxed) {
                yield_now();
            }
            stop.store(true, Ordering::Relaxed);
            looping.join().unwrap();
        });
    }
}

#[test]
fn what_is_awaited_at_once_stays_on_its_starters_thread() {
    if suspends_often() {
        return; // it is not awaited at once then
    }
    pinned(2, || {
        let here = tid();
        let mut away = 0;
        for _ in 0..1000 {
            away += usize::from(go(tid).join().unwrap() != here);
            scope(|s| away += usize::from(s.go(tid).join().unwrap() != here));
        }
        // One may be stolen by a thread that looks for work before main has come to its wait.
        assert!(away <= 400, "{away} of 2000 have changed threads");
    });
}

#[test]
fn two_that_are_started_together_by_a_third_stay_together() {
    if suspends_often() {
        return;
    }
    // More threads than main's and one: else there is none that they could be torn apart by.
    pinned(4, || {
        let pair = || {
            let (tx, rx) = channel::<i32>(0);
            let (back, answer) = channel::<i32>(0);
            let one = go(move || {
                (0..10).for_each(|i| {
                    tx.send(i).unwrap();
                    assert_eq!(answer.recv(), Ok(i));
                });
                tid()
            });
            let two = go(move || {
                rx.iter().for_each(|i| back.send(i).unwrap());
                tid()
            });
            one.join().unwrap() == two.join().unwrap()
        };
        // Where threads wait for a CPU they look for work for longer than it takes to sleep: then another round tells.
        let rounds = (0..20).map(|_| {
            let together = (0..25).filter(|_| {
                // What has looked for work in vain sleeps.
                sleep(Duration::from_millis(1));
                pair()
            });
            together.count()
        });
        let most = rounds.take_while(|&together| together < 13).collect::<Vec<_>>();
        assert!(most.len() < 20, "pairs that stay together, of 25: {most:?}");
    });
}

#[test]
fn a_pool_grows_over_threads_when_there_are_more_ps() {
    pinned(1, || {
        let before = pool(8);
        assert_eq!(set_procs(3), Ok(1));
        let after = pool(8);
        assert!(after.len() >= 2, "{before:?}, then {after:?}");
    });
}

#[test]
fn with_one_p_nothing_is_put_off() {
    pinned(1, || {
        let order = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..100)
            .map(|_| {
                let order = order.clone();
                go(move || order.fetch_add(1, Ordering::Relaxed))
            })
            .collect();
        yield_now();
        let turns: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(turns.len(), 100);
        assert_eq!(pool(8).len(), 1, "one thread");
    });
}

#[test]
fn goroutines_of_a_pool_that_is_limited_to_its_threads_all_start() {
    for most in 1..=3 {
        bounded("few threads", move || {
            let builder = Runtime::builder().procs(4).max_threads(most);
            let homes = Pinned.build(builder).run(|| pool(50)).unwrap();
            assert!(homes.len() <= most && homes.values().sum::<usize>() == 50, "{homes:?}");
        });
    }
}

#[test]
fn the_end_of_the_run_finds_what_has_not_been_placed() {
    for round in 0..50 {
        bounded("an early end", move || {
            let ended = Pinned
                .build(Runtime::builder().procs(3))
                .run_counted(move || {
                    for _ in 0..round {
                        drop(go(|| sleep(Duration::from_secs(100))));
                    }
                })
                .unwrap();
            assert_eq!((ended.left_behind, ended.threads_left), (0, 0), "round {round}");
        });
    }
}

/// C that blocks holds up the goroutines of its thread; offloaded it holds up none.
#[test]
fn goroutines_tick_on_time_beside_offloaded_work_that_blocks() {
    if suspends_often() {
        return;
    }
    let mut late = pinned(2, || {
        let end = Instant::now() + Duration::from_millis(600);
        let callers: Vec<_> = (0..8)
            .map(|_| {
                go(move || {
                    while Instant::now() < end {
                        offload(|| std::thread::sleep(Duration::from_millis(50)));
                    }
                })
            })
            .collect();
        let tick = Duration::from_millis(5);
        let tickers: Vec<_> = (0..200)
            .map(|_| {
                go(move || {
                    let mut late = Vec::new();
                    while Instant::now() < end {
                        let before = Instant::now();
                        sleep(tick);
                        late.push(before.elapsed().saturating_sub(tick));
                    }
                    late
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        tickers.into_iter().flat_map(|ticker| ticker.join().unwrap()).collect::<Vec<_>>()
    });
    late.sort();
    let median = late[late.len() / 2];
    // Behind a closure that blocked its thread it would be tens of milliseconds.
    assert!(median < Duration::from_millis(10), "late by {median:?}, of {} ticks", late.len());
}
