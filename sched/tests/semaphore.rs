//! Semaphores: never more than there are permits, first come, first served.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Clock};

use common::count::Count;
use common::{on_each_kind, on_every_runtime, panic_text, quiet_panic, yield_until};
use g0_sched::{Permit, Semaphore, SemaphoreError, go, goexit, sleep, yield_now};

#[test]
fn no_more_are_inside_than_there_are_permits() {
    const PERMITS: usize = 3;
    on_every_runtime(2, || {
        let semaphore = Arc::new(Semaphore::new(PERMITS));
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = |n: usize, rounds: usize| {
            let (semaphore, inside, most) = (semaphore.clone(), inside.clone(), most.clone());
            move || {
                for i in 0..rounds {
                    let want = 1 + (n + i) % PERMITS;
                    let permit = match n % 3 {
                        0 => semaphore.acquire_many(want),
                        1 => loop {
                            let time = Duration::from_micros(20);
                            if let Some(permit) = semaphore.acquire_many_timeout(want, time) {
                                break permit;
                            }
                        },
                        _ => loop {
                            match semaphore.try_acquire_many(want) {
                                Some(permit) => break permit,
                                None => yield_now(),
                            }
                        },
                    };
                    assert_eq!(permit.permits(), want);
                    let now = inside.fetch_add(want, Ordering::SeqCst) + want;
                    most.fetch_max(now, Ordering::SeqCst);
                    if i % 4 == 0 {
                        yield_now();
                    }
                    inside.fetch_sub(want, Ordering::SeqCst);
                }
            }
        };
        let goroutines: Vec<_> = (0..9).map(|n| go(work(n, 100))).collect();
        let threads: Vec<_> = (0..2).map(|n| std::thread::spawn(work(n, 100))).collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| {
            yield_until("the thread ends", || t.is_finished());
            t.join().unwrap();
        });
        assert!(most.load(Ordering::SeqCst) <= PERMITS, "{most:?} permits were out");
        assert_eq!(semaphore.available_permits(), PERMITS, "all have come back");
        // Nobody is left in the queue.
        assert!(semaphore.try_acquire_many(PERMITS).is_some());
    });
}

#[test]
fn one_who_asks_for_many_is_not_overtaken() {
    on_every_runtime(1, || {
        // Another round tells if an eviction has mixed them up; see the channels' test.
        let round = || {
            let semaphore = Arc::new(Semaphore::new(3));
            let log = Arc::new(std::sync::Mutex::new(Vec::new()));
            let arrived = Arc::new(AtomicUsize::new(0));
            let held = semaphore.acquire_many(1);
            let all: Vec<_> = [3, 2, 3, 2]
                .into_iter()
                .enumerate()
                .map(|(i, want)| {
                    let (semaphore, log) = (semaphore.clone(), log.clone());
                    let counted = arrived.clone();
                    let one = go(move || {
                        counted.fetch_add(1, Ordering::SeqCst);
                        let _permit = semaphore.acquire_many(want);
                        log.lock().unwrap().push(want);
                    });
                    yield_until("it waits", || arrived.load(Ordering::SeqCst) == i + 1);
                    one
                })
                .collect();
            // Two are free, and yet: somebody waits for three.
            let passed = semaphore.try_acquire().is_some();
            assert!(semaphore.try_acquire_many(0).is_some(), "none can always be had");
            drop(held);
            all.into_iter().for_each(|one| one.join().unwrap());
            !passed && log.lock().unwrap()[..] == [3, 2, 3, 2]
        };
        assert!((0..20).any(|_| round()), "they were served out of order every time");
    });
}

#[test]
fn release_beyond_the_limit_is_refused_and_changes_nothing() {
    on_every_runtime(2, || {
        let semaphore = Semaphore::with_limit(2, 3);
        assert_eq!(semaphore.release(2), Err(SemaphoreError));
        assert_eq!(semaphore.release(usize::MAX), Err(SemaphoreError));
        assert_eq!(semaphore.available_permits(), 2);
        assert_eq!(semaphore.release(1), Ok(()));
        assert_eq!(semaphore.release(1), Err(SemaphoreError));
        assert_eq!(semaphore.release(0), Ok(()));
        // Those that are held count too, so that they can come back.
        let held = semaphore.acquire_many(2);
        assert_eq!(semaphore.release(1), Err(SemaphoreError));
        drop(held);
        assert_eq!(semaphore.available_permits(), 3);
        let full = Semaphore::new(Semaphore::MAX_PERMITS);
        assert_eq!(full.release(1), Err(SemaphoreError));
        assert_eq!(full.acquire_many(Semaphore::MAX_PERMITS).permits(), Semaphore::MAX_PERMITS);
        assert_eq!(full.available_permits(), Semaphore::MAX_PERMITS);
        let text = SemaphoreError.to_string();
        assert!(text.contains("more permits than the semaphore's limit"), "{text}");
    });
}

#[test]
fn more_than_the_limit_is_never_asked_for() {
    on_every_runtime(2, || {
        let semaphore = Semaphore::with_limit(1, 3);
        assert!(semaphore.try_acquire_many(4).is_none());
        let words = "more permits than the semaphore's limit";
        assert!(panic_text(|| drop(semaphore.acquire_many(4))).contains(words));
        let time = Duration::from_millis(1);
        assert!(panic_text(|| drop(semaphore.acquire_many_timeout(4, time))).contains(words));
        assert!(panic_text(|| Semaphore::with_limit(4, 3)).contains("than its limit"));
        assert!(panic_text(|| Semaphore::with_limit(1, usize::MAX)).contains("too high"));
        assert!(panic_text(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).contains("its limit"));
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn permits_that_are_forgotten_can_be_made_anew() {
    on_every_runtime(2, || {
        let semaphore = Arc::new(Semaphore::with_limit(2, 2));
        semaphore.acquire().forget();
        assert_eq!(semaphore.available_permits(), 1);
        // As a signal: taken for good here, given there.
        let theirs = semaphore.clone();
        semaphore.acquire().forget();
        let waits = go(move || theirs.acquire_many(2).forget());
        yield_now();
        semaphore.release(1).unwrap();
        semaphore.release(1).unwrap();
        waits.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
        // One that is merely lost is not there for anybody.
        semaphore.release(1).unwrap();
        std::mem::forget(semaphore.acquire());
        assert_eq!(semaphore.release(2), Err(SemaphoreError));
        semaphore.release(1).unwrap();
    });
}

#[test]
fn a_timeout_is_neither_early_nor_missed() {
    on_every_runtime(2, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let theirs = semaphore.clone();
        let check = move || {
            for length in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(5)] {
                let begin = Clock::now();
                assert!(theirs.acquire_timeout(length).is_none());
                assert!(begin.elapsed() >= length);
            }
        };
        let held = semaphore.acquire();
        let thread = std::thread::spawn(check.clone());
        go(check).join().unwrap();
        yield_until("the thread ends", || thread.is_finished());
        thread.join().unwrap();
        let theirs = semaphore.clone();
        let waits = go(move || drop(theirs.acquire_timeout(Duration::MAX).unwrap()));
        sleep(Duration::from_millis(2));
        assert!(!waits.is_finished());
        drop(held);
        waits.join().unwrap();
        // What is free is there at once, also in no time.
        assert!(semaphore.acquire_timeout(Duration::ZERO).is_some());
    });
}

#[test]
fn one_who_gives_up_lets_those_behind_it_go_on() {
    on_every_runtime(2, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire();
        let (many, one) = (semaphore.clone(), semaphore.clone());
        let gives_up = go(move || {
            assert!(many.acquire_many_timeout(2, Duration::from_millis(20)).is_none());
        });
        yield_now();
        let waits = go(move || drop(one.acquire()));
        waits.join().unwrap();
        gives_up.join().unwrap();
        drop(held);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn a_panic_and_a_goexit_give_permits_back() {
    on_every_runtime(2, || {
        let semaphore = Arc::new(Semaphore::new(2));
        for exits in [false, true] {
            let theirs = semaphore.clone();
            let gone = go(move || {
                let _permit = theirs.acquire_many(2);
                if exits { goexit() } else { quiet_panic("with a permit") }
            });
            assert!(gone.join().is_err());
            assert_eq!(semaphore.available_permits(), 2);
        }
    });
}

#[test]
fn shutdown_ends_those_who_wait() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let semaphore = Arc::new(Semaphore::new(2));
        let ended = kind.with_procs(procs).run_counted(|| {
            std::mem::forget(semaphore.acquire());
            let waiting = Arc::new(AtomicUsize::new(0));
            for i in 0..5 {
                let (semaphore, one, waiting) = (semaphore.clone(), count.one(), waiting.clone());
                drop(go(move || {
                    let _one = one;
                    waiting.fetch_add(1, Ordering::SeqCst);
                    // The first asks for what is not there; as it leaves the others may go on.
                    let want = if i == 0 { 2 } else { 1 };
                    let time = Duration::from_secs(1000);
                    let _permit = if i % 2 == 0 {
                        Some(semaphore.acquire_many(want))
                    } else {
                        semaphore.acquire_many_timeout(want, time)
                    };
                    loop {
                        yield_now();
                    }
                }));
            }
            yield_until("all wait", || waiting.load(Ordering::SeqCst) == 5);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(5);
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.try_acquire().is_some(), "nobody is left in the queue");
    });
}

#[test]
fn a_permit_may_be_given_back_by_somebody_else() {
    static ONE: Semaphore = Semaphore::new(1);
    on_every_runtime(2, || {
        let permit = ONE.acquire();
        let waits = go(|| drop(ONE.acquire()));
        yield_now();
        std::thread::spawn(move || drop(permit)).join().unwrap();
        waits.join().unwrap();
    });
    assert_eq!(format!("{ONE:?}").matches("available_permits: 1").count(), 1);
    fn asks<T: Send + Sync>() {}
    asks::<Semaphore>();
    asks::<Permit<'_>>();
}
