//! Sleeping: never early, never lost, whatever else runs.

mod common;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::child::{in_children, succeeds};
use common::count::Count;
use common::{
    on_each_kind, on_every_runtime, on_goroutines_and_threads, panic_text, suspends_often, tid,
    yield_until,
};
use g0_sched::{
    Instant, Semaphore, channel, go, interval, lock_os_thread, sleep, sleep_until,
    unlock_os_thread, yield_now,
};

const HOUR: Duration = Duration::from_secs(3600);
/// On a busy machine a short sleep takes longer, but not so long.
const SOON: Duration = Duration::from_secs(20);

/// Sleeps, and finds out whether that was long enough.
#[track_caller]
fn sleep_well(length: Duration) {
    let start = Instant::now();
    sleep(length);
    let slept = start.elapsed();
    assert!(slept >= length, "early: {slept:?} of {length:?}");
    assert!(slept < length + SOON, "late: {slept:?} of {length:?}");
}

#[test]
fn a_sleep_is_never_early() {
    on_goroutines_and_threads(|| {
        for micros in [1, 15, 17, 50, 400, 1100, 5000] {
            sleep_well(Duration::from_micros(micros));
            let until = Instant::now() + Duration::from_micros(micros);
            sleep_until(until);
            assert!(Instant::now() >= until, "early");
        }
    });
}

#[test]
fn many_sleep_side_by_side_and_none_is_early() {
    on_every_runtime(2, || {
        let sleepers: Vec<_> = (0..100u64)
            .map(|i| {
                go(move || {
                    (0..10).for_each(|k| sleep_well(Duration::from_micros(1 + i * 13 + k * 97)));
                })
            })
            .collect();
        sleepers.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn those_who_sleep_wake_in_the_order_of_their_deadlines() {
    on_every_runtime(2, || {
        // A busy machine may hold up one who has been woken: then another round tells.
        let round = || {
            let woken = Arc::new(Mutex::new(Vec::new()));
            let start = Instant::now() + Duration::from_millis(2);
            let sleepers: Vec<_> = (0..8u64)
                .map(|i| {
                    // Not in the order in which they are started.
                    let (place, woken) = (i * 5 % 8, woken.clone());
                    go(move || {
                        sleep_until(start + Duration::from_micros(400) * place as u32);
                        woken.lock().unwrap().push(place);
                    })
                })
                .collect();
            sleepers.into_iter().for_each(|h| h.join().unwrap());
            let woken = woken.lock().unwrap();
            woken.iter().copied().eq(0..8)
        };
        assert!((0..50).any(|_| round()), "they woke in another order every time");
    });
}

/// Runs `main` on each kind of runtime with ten thousand goroutines to start, or as many as there may be.
fn on_each_kind_with_many(main: fn(usize)) {
    on_each_kind(move |kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| main(kind.at_most(10_000)));
        assert_eq!(ended.expect("main returns").left_behind, 0, "{kind:?}");
    });
}

#[test]
fn ten_thousand_sleepers_all_wake() {
    on_each_kind_with_many(|n| {
        let woken = Arc::new(AtomicUsize::new(0));
        let sleepers: Vec<_> = (0..n)
            .map(|i| {
                let woken = woken.clone();
                go(move || {
                    sleep_well(Duration::from_micros((i * 7919 % 30_000) as u64 + 1));
                    woken.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        sleepers.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(woken.load(Ordering::SeqCst), n);
    });
}

#[test]
fn ten_thousand_with_one_deadline_all_wake() {
    on_each_kind_with_many(|n| {
        let woken = Arc::new(AtomicUsize::new(0));
        let until = Instant::now() + Duration::from_millis(20);
        let sleepers: Vec<_> = (0..n)
            .map(|_| {
                let woken = woken.clone();
                go(move || {
                    sleep_until(until);
                    assert!(Instant::now() >= until, "early");
                    woken.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        sleepers.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(woken.load(Ordering::SeqCst), n);
    });
}

#[test]
fn those_who_yield_for_ever_do_not_keep_sleepers_asleep() {
    on_every_runtime(1, || {
        let over = Arc::new(AtomicBool::new(false));
        let yielding: Vec<_> = (0..3)
            .map(|_| {
                let over = over.clone();
                go(move || {
                    while !over.load(Ordering::SeqCst) {
                        yield_now();
                    }
                })
            })
            .collect();
        (0..10).for_each(|_| sleep_well(Duration::from_micros(500)));
        over.store(true, Ordering::SeqCst);
        yielding.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn one_who_yields_alone_keeps_no_sleeper_asleep() {
    const ROUNDS: u32 = 30;
    on_every_runtime(1, || {
        let mut late = 0;
        for _ in 0..ROUNDS {
            let until = Instant::now() + Duration::from_micros(50);
            let sleeper = go(move || sleep_until(until));
            // Nothing else is ever runnable.
            yield_until("it wakes", || {
                late += u32::from(Instant::now() > until);
                sleeper.is_finished()
            });
            sleeper.join().unwrap();
        }
        // The timers are looked at every 61st time; the sleeper may belong to another thread, which
        // gets the P after a slice. By chance alone it would be a hundred thousand and more.
        assert!(late < ROUNDS * 5000, "{late} yields after {ROUNDS} deadlines");
    });
}

#[test]
fn whoever_rests_last_wakes_for_the_next_deadline() {
    // Threads come to rest and wake again while deadlines come, are given up, or are seen to by
    // others: in the end all of them rest, and one must wake for the next.
    on_every_runtime(3, || {
        for round in 0..40u64 {
            let permits = Arc::new(Semaphore::new(2));
            let worker = |me: u64| {
                let permits = permits.clone();
                move || {
                    if me == 1 {
                        lock_os_thread();
                    }
                    let mut random = round * 8 + me + 1;
                    for _ in 0..25 {
                        random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                        let nap = Duration::from_nanos((random >> 33) % 100_000);
                        let permit = match random >> 60 {
                            0..4 => permits.acquire_timeout(nap),
                            _ => Some(permits.acquire()),
                        };
                        match (random >> 56) % 8 {
                            0 => sleep(nap),
                            1 => yield_now(),
                            _ => {}
                        }
                        drop(permit);
                    }
                    if me == 1 {
                        unlock_os_thread();
                    }
                }
            };
            let thread = {
                let work = worker(0);
                std::thread::spawn(work)
            };
            let crew: Vec<_> = (1..7).map(|me| go(worker(me))).collect();
            crew.into_iter().for_each(|h| h.join().unwrap());
            thread.join().unwrap();
            assert_eq!(permits.available_permits(), 2);
        }
    });
}

#[test]
fn channel_traffic_without_end_does_not_keep_sleepers_asleep() {
    on_every_runtime(2, || {
        // Pairs that hand over to each other: nothing else ever becomes their P's business.
        let pairs: Vec<_> = (0..2)
            .map(|_| {
                let (tx, rx) = channel::<u64>(0);
                let (back, returned) = channel::<u64>(0);
                drop(go(move || {
                    for value in &rx {
                        if back.send(value).is_err() {
                            return;
                        }
                    }
                }));
                let (stop, stopped) = channel::<()>(0);
                let there = go(move || {
                    let mut n = 0;
                    while stopped.try_recv() == Err(g0_sched::TryRecvError::Empty) {
                        tx.send(n).unwrap();
                        n = returned.recv().unwrap() + 1;
                    }
                    n
                });
                (stop, there)
            })
            .collect();
        (0..10).for_each(|_| sleep_well(Duration::from_micros(700)));
        for (stop, there) in pairs {
            drop(stop);
            assert!(there.join().unwrap() > 0);
        }
    });
}

/// Something that keeps its thread until `over`, without a scheduling point.
fn keep_busy(over: &AtomicBool, in_the_kernel: bool) {
    while !over.load(Ordering::SeqCst) {
        if in_the_kernel {
            std::thread::sleep(Duration::from_micros(300));
        } else {
            for i in 0..1000 {
                black_box(i);
            }
        }
    }
}

#[test]
fn a_thread_that_is_kept_busy_keeps_no_sleeper_asleep() {
    for in_the_kernel in [false, true] {
        on_every_runtime(2, move || {
            let over = Arc::new(AtomicBool::new(false));
            let at = Arc::new(AtomicUsize::new(0));
            let (theirs, place) = (over.clone(), at.clone());
            let busy = go(move || {
                place.store(tid() as usize, Ordering::SeqCst);
                keep_busy(&theirs, in_the_kernel);
            });
            // Until it runs, elsewhere: on a thread of its own on the pinned runtime too.
            while at.load(Ordering::SeqCst) == 0 {
                black_box(());
            }
            assert_ne!(at.load(Ordering::SeqCst), tid() as usize);
            (0..5).for_each(|_| sleep_well(Duration::from_millis(1)));
            over.store(true, Ordering::SeqCst);
            busy.join().unwrap();
        });
    }
}

#[test]
fn a_sleeper_leaves_the_thread_that_another_keeps_busy() {
    // Where goroutines migrate.
    for in_the_kernel in [false, true] {
        on_each_kind(move |kind, procs| {
            if !kind.migrates() {
                return;
            }
            kind.with_procs(procs)
                .run(move || {
                    for _ in 0..3 {
                        let over = Arc::new(AtomicBool::new(false));
                        let theirs = over.clone();
                        // It starts as soon as this one sleeps.
                        let busy = go(move || keep_busy(&theirs, in_the_kernel));
                        sleep_well(Duration::from_millis(1));
                        over.store(true, Ordering::SeqCst);
                        busy.join().unwrap();
                    }
                })
                .unwrap();
        });
    }
}

#[test]
fn one_that_is_locked_to_its_thread_sleeps_and_lets_others_run() {
    on_every_runtime(2, || {
        let over = Arc::new(AtomicBool::new(false));
        let theirs = over.clone();
        let others = go(move || {
            let mut turns = 0u64;
            while !theirs.load(Ordering::SeqCst) {
                turns += 1;
                yield_now();
            }
            turns
        });
        let locked: Vec<_> = (0..2)
            .map(|_| {
                go(|| {
                    lock_os_thread();
                    let thread = tid();
                    for _ in 0..5 {
                        sleep_well(Duration::from_micros(800));
                        assert_eq!(tid(), thread, "on another thread");
                    }
                    unlock_os_thread();
                })
            })
            .collect();
        locked.into_iter().for_each(|h| h.join().unwrap());
        over.store(true, Ordering::SeqCst);
        assert!(others.join().unwrap() > 0);
        // The main goroutine, too.
        lock_os_thread();
        let thread = tid();
        sleep_well(Duration::from_millis(1));
        assert_eq!(tid(), thread);
        unlock_os_thread();
    });
}

#[test]
fn a_sleep_of_no_length_or_into_the_past_is_none() {
    on_goroutines_and_threads(|| {
        let start = Instant::now();
        for _ in 0..1000 {
            sleep(Duration::ZERO);
            sleep_until(Instant::from_nanos(0));
            sleep_until(start);
        }
        assert!(start.elapsed() < SOON);
    });
    on_every_runtime(1, || {
        // It does not give way. A busy machine may take the P away just then: another round tells.
        let round = || {
            let ran = Arc::new(AtomicBool::new(false));
            let theirs = ran.clone();
            let other = go(move || theirs.store(true, Ordering::SeqCst));
            sleep(Duration::ZERO);
            sleep_until(Instant::now());
            let before = ran.load(Ordering::SeqCst);
            other.join().unwrap();
            !before
        };
        assert!((0..20).any(|_| round()) || suspends_often(), "the other ran every time");
    });
}

#[test]
fn a_sleep_to_the_end_of_time_ends_with_the_run() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let ended = kind.with_procs(procs).run_counted(|| {
            let arrived = Arc::new(AtomicUsize::new(0));
            for i in 0..6 {
                let (arrived, value) = (arrived.clone(), count.one());
                drop(go(move || {
                    let _value = value;
                    arrived.fetch_add(1, Ordering::SeqCst);
                    match i % 3 {
                        0 => sleep(Duration::MAX),
                        1 => sleep_until(Instant::END),
                        _ => drop(interval(Duration::MAX).tick()),
                    }
                    panic!("the end of time has come");
                }));
            }
            yield_until("they sleep", || arrived.load(Ordering::SeqCst) == 6);
            sleep_well(Duration::from_millis(2));
            assert_eq!(count.dropped(), 0);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(6);
    });
}

#[test]
fn a_run_whose_goroutines_sleep_for_an_hour_ends_at_once() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let start = std::time::Instant::now();
        let ended = kind.with_procs(procs).run_counted(|| {
            let arrived = Arc::new(AtomicUsize::new(0));
            for i in 0..200u32 {
                let (arrived, value) = (arrived.clone(), count.one());
                drop(go(move || {
                    let _value = value;
                    arrived.fetch_add(1, Ordering::SeqCst);
                    if i % 10 == 0 {
                        lock_os_thread();
                    }
                    sleep(HOUR + Duration::from_millis(1) * i);
                }));
            }
            yield_until("they sleep", || arrived.load(Ordering::SeqCst) == 200);
            std::time::Instant::now()
        });
        let ended = ended.unwrap();
        let (returned, main_returned) = (start.elapsed(), ended.result.unwrap());
        assert_eq!(ended.left_behind, 0);
        count.assert_all_dropped(200);
        let took = main_returned.elapsed();
        // A second on a machine of its own; the tests share one.
        assert!(took < SOON, "{took:?} for the end of a run of {returned:?}");
    });
}

#[test]
fn sleeps_that_are_ended_by_time_and_by_shutdown_at_once_end_once() {
    on_each_kind(|kind, procs| {
        for round in 0..20u64 {
            let count = Count::new();
            let ended = kind.with_procs(procs).run_counted(|| {
                for i in 0..50 {
                    let value = count.one();
                    drop(go(move || {
                        let _value = value;
                        sleep(Duration::from_micros(50 + (i * 7 + round) % 100));
                    }));
                }
                sleep(Duration::from_micros(40 + round * 5));
            });
            assert_eq!(ended.unwrap().left_behind, 0);
            count.assert_all_dropped(50);
        }
    });
}

#[test]
fn an_interval_does_not_drift() {
    on_goroutines_and_threads(|| {
        let period = Duration::from_micros(700);
        let before = Instant::now();
        let mut ticks = interval(period);
        assert_eq!(ticks.period(), period);
        let after = Instant::now();
        let first = ticks.tick();
        assert!(first >= before + period && first <= after + period, "one period from now");
        let mut last = first;
        for _ in 0..20 {
            let due = ticks.tick();
            assert!(Instant::now() >= due, "early");
            let ahead = (due - last).as_nanos();
            assert!(
                ahead > 0 && ahead.is_multiple_of(period.as_nanos()),
                "off the grid by {ahead} ns"
            );
            last = due;
        }
        let (grid, n) = ((last - first).as_nanos(), period.as_nanos());
        assert!(grid.is_multiple_of(n) && grid / n >= 20, "{grid}");
    });
}

#[test]
fn an_interval_leaves_out_what_nobody_waited_for() {
    on_goroutines_and_threads(|| {
        let period = Duration::from_micros(500);
        let mut ticks = interval(period);
        let first = ticks.tick();
        sleep_well(period * 10);
        // Late, so at once; then the next on the grid that is still to come.
        let second = ticks.tick();
        let seen = Instant::now();
        assert!(second > first && second + period * 2 < seen, "{second:?} at {seen:?}");
        let third = ticks.tick();
        assert!(third - first >= period * 10, "{:?}: nine or more were missed", third - first);
        assert!(third + period > seen, "one that was missed: {third:?} at {seen:?}");
        assert!((third - first).as_nanos().is_multiple_of(period.as_nanos()), "off the grid");
        let before = Instant::now();
        ticks.reset();
        assert!(ticks.tick() >= before + period, "begun anew");
    });
}

#[test]
fn an_interval_of_zero_length_is_refused() {
    on_goroutines_and_threads(|| {
        let text = panic_text(|| interval(Duration::ZERO));
        assert!(text.contains("an interval of zero length"), "{text}");
    });
}

#[test]
fn sums_of_times_stop_at_the_end_of_time() {
    let now = Instant::now();
    assert_eq!(now + Duration::MAX, Instant::END);
    assert_eq!(Instant::END + Duration::from_nanos(1), Instant::END);
    assert_eq!(now.checked_add(Duration::MAX), None);
    assert_eq!(Instant::END.checked_add(Duration::ZERO), Some(Instant::END));
    let mut later = now;
    later += Duration::from_secs(1);
    assert!(later > now && later - now == Duration::from_secs(1));
    assert_eq!(now - later, Duration::ZERO, "not less than nothing");
    assert_eq!(now.checked_duration_since(later), None);
    assert_eq!(Instant::END.elapsed(), Duration::ZERO);
    assert_eq!(Instant::from_nanos(7).as_nanos(), 7);
    assert_eq!(format!("{:?}", Instant::from_nanos(1_500_000)), "Instant(1.5ms)");
}

/// What this process has used of its CPUs.
fn cpu_time() -> Duration {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the buffer is ours.
    let rc = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut ts) };
    assert_eq!(rc, 0);
    Duration::new(ts.tv_sec as u64, ts.tv_nsec as u32)
}

#[test]
fn a_million_deadlines_that_did_not_come_leave_nothing_behind() {
    // A million over the kinds of runtimes, each in a process of its own: CPU time is a process's.
    const EACH: u64 = 125_000;
    in_children(
        "a_million_deadlines_that_did_not_come_leave_nothing_behind",
        |kind, procs| {
            let ended = kind.with_procs(procs).run_counted(|| {
                // Far deadlines that stay, on either side of those that go.
                for i in 0..20u32 {
                    drop(go(move || sleep(HOUR + Duration::from_secs(1) * i)));
                }
                let (tx, rx) = channel::<u64>(0);
                let sender = go(move || {
                    (0..EACH / 2).for_each(|i| tx.send_timeout(i, HOUR).unwrap());
                });
                let mut sum = 0;
                while let Ok(value) = rx.recv_timeout(HOUR * 2) {
                    sum += value;
                }
                assert_eq!(sum, (EACH / 2 - 1) * (EACH / 2) / 2);
                sender.join().unwrap();
                // Whatever the wheels still believe they see once.
                sleep(Duration::from_millis(20));
                let (start, used) = (Instant::now(), cpu_time());
                sleep(Duration::from_millis(200));
                let (slept, used) = (start.elapsed(), cpu_time() - used);
                assert!(used < slept / 4, "{used:?} of CPU time in {slept:?} of idleness");
            });
            assert_eq!(ended.unwrap().left_behind, 0);
        },
        succeeds,
    );
}
