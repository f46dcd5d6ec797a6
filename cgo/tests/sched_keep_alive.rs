//! Threads come back: those that blocking calls have needed end when they have rested for long (L23), and the number
//! of threads has a limit.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::child::{in_children, succeeds, threads};
use common::{Kind, count::Count, count::Counted, tid, yield_until};
use g0_cgo::{call, call_blocking, callback};
use g0_sched::{
    Builder, Runtime, channel, go, lock_os_thread, sleep, stats, unlock_os_thread, yield_now,
};

/// Threads that are there anyway: the program's first, the test's, sysmon, one for each P, one for main, and some that
/// are on their way out.
const FEW: usize = 12;

const MS: Duration = Duration::from_millis(1);

/// With threads that stay for `rest`.
fn keeping(rest: Duration, procs: usize) -> Builder {
    Runtime::builder().procs(procs).thread_keep_alive(rest)
}

/// Yields and sleeps until at most `most` threads are left.
fn until_threads_are_at_most(most: usize) {
    yield_until("threads end", || {
        sleep(MS);
        threads() <= most
    });
}

/// `n` goroutines block in C until all of them do; each `then` goes on.
fn burst(n: usize, then: impl Fn(usize) + Send + Copy + 'static) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..n)
        .map(|i| {
            let arrived = arrived.clone();
            go(move || {
                call_blocking(|| {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    while arrived.load(Ordering::SeqCst) < n {
                        std::thread::sleep(MS);
                    }
                });
                then(i);
            })
        })
        .collect();
    all.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn threads_that_a_burst_of_blocking_calls_has_needed_end() {
    in_children(
        "threads_that_a_burst_of_blocking_calls_has_needed_end",
        |kind, procs| {
            let n = kind.at_most(300);
            kind.build(keeping(20 * MS, procs))
                .run(move || {
                    // The Ms of the first are used again by the second.
                    for _ in 0..2 {
                        burst(n, |_| ());
                        assert!(stats().unwrap().machines.all() >= n.min(procs));
                        until_threads_are_at_most(FEW);
                        // As many as there are Ps stay.
                        sleep(60 * MS);
                        let ms = stats().unwrap().machines;
                        assert!(ms.all() > procs.min(2) - 1, "{ms:?}");
                    }
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn threads_stay_for_ever_if_that_is_asked_for() {
    in_children(
        "threads_stay_for_ever_if_that_is_asked_for",
        |kind, procs| {
            kind.build(keeping(Duration::MAX, procs))
                .run(move || {
                    burst(40, |_| ());
                    let before = threads();
                    assert!(before >= 40, "{before} threads after 40 calls at once");
                    sleep(300 * MS);
                    assert_eq!(threads(), before);
                })
                .unwrap();
        },
        succeeds,
    );
}

std::thread_local! {
    /// What belongs to a thread.
    static OWNED: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
}

/// A goroutine takes root on its thread and waits, while the threads around it end; then it finds its own as it was.
fn stays(kind: Kind, rest: Duration, procs: usize, waits: fn(Kind, &dyn Fn())) {
    let (mine, others) = (Count::new(), Count::new());
    let owned = mine.clone();
    kind.build(keeping(rest, procs))
        .run(move || {
            let (tx, rx) = channel::<()>(0);
            let rooted: Vec<_> = (0..4)
                .map(|_| {
                    let (owned, rx) = (owned.clone(), rx.clone());
                    go(move || {
                        waits(kind, &|| {
                            OWNED.with_borrow_mut(|here| here.push(owned.one()));
                            let here = tid();
                            assert!(rx.recv().is_err());
                            assert_eq!(tid(), here);
                            OWNED.with_borrow(|here| assert!(!here.is_empty(), "dropped"));
                        });
                    })
                })
                .collect();
            yield_until("they have begun", || owned.made() == 4);
            let burst_owns = others.clone();
            let all: Vec<_> = (0..30)
                .map(|_| {
                    let owns = burst_owns.clone();
                    go(move || {
                        call_blocking(|| {
                            OWNED.with_borrow_mut(|here| here.push(owns.one()));
                            std::thread::sleep(20 * MS);
                        })
                    })
                })
                .collect();
            all.into_iter().for_each(|one| one.join().unwrap());
            until_threads_are_at_most(FEW + 4);
            sleep(50 * MS);
            assert!(others.dropped() > 0, "no thread has ended");
            assert_eq!(mine.dropped(), 0, "a thread has ended under a goroutine");
            drop(tx);
            rooted.into_iter().for_each(|one| one.join().unwrap());
        })
        .unwrap();
}

#[test]
fn l23_a_thread_to_which_a_goroutine_is_bound_stays() {
    in_children(
        "l23_a_thread_to_which_a_goroutine_is_bound_stays",
        |kind, procs| {
            stays(kind, Duration::ZERO, procs, |kind, body| {
                if kind.migrates() {
                    lock_os_thread();
                }
                body();
                if kind.migrates() {
                    unlock_os_thread();
                }
            });
        },
        succeeds,
    );
}

#[test]
fn l23_a_thread_with_frames_of_a_callback_that_waits_stays() {
    in_children(
        "l23_a_thread_with_frames_of_a_callback_that_waits_stays",
        |kind, procs| {
            stays(kind, Duration::ZERO, procs, |_, body| call(|| callback((), body)));
        },
        succeeds,
    );
}

#[test]
fn work_goes_on_while_threads_end_and_are_needed_again() {
    in_children(
        "work_goes_on_while_threads_end_and_are_needed_again",
        |kind, procs| {
            // At most so many, so that a thread on its way out is missed.
            kind.build(keeping(Duration::ZERO, procs).max_threads(procs + 3))
                .run(|| {
                    let done = Arc::new(AtomicUsize::new(0));
                    for round in 0..150 {
                        let (tx, rx) = channel(1);
                        let all: Vec<_> = (0..6)
                            .map(|i| {
                                let (tx, done) = (tx.clone(), done.clone());
                                go(move || {
                                    match (i + round) % 3 {
                                        0 => call_blocking(|| std::thread::sleep(MS / 10)),
                                        1 => sleep(MS / 10),
                                        _ => yield_now(),
                                    }
                                    tx.send(i).unwrap();
                                    done.fetch_add(1, Ordering::SeqCst);
                                })
                            })
                            .collect();
                        drop(tx);
                        assert_eq!(rx.iter().sum::<i32>(), 15);
                        all.into_iter().for_each(|one| one.join().unwrap());
                        // Long enough for idle threads to be told.
                        sleep(MS * (round % 4) as u32);
                    }
                    assert_eq!(done.load(Ordering::SeqCst), 900);
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn beyond_the_limit_of_threads_blocking_calls_wait_for_one_and_it_is_told() {
    in_children(
        "beyond_the_limit_of_threads_blocking_calls_wait_for_one_and_it_is_told",
        |kind, procs| {
            let most = procs + 2;
            kind.build(Runtime::builder().procs(procs).max_threads(most).trace(2 * MS))
                .run(move || {
                    let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
                    let all: Vec<_> = (0..40)
                        .map(|_| {
                            let at_once = at_once.clone();
                            go(move || {
                                call_blocking(|| {
                                    let n = at_once.0.fetch_add(1, Ordering::SeqCst) + 1;
                                    at_once.1.fetch_max(n, Ordering::SeqCst);
                                    std::thread::sleep(5 * MS);
                                    at_once.0.fetch_sub(1, Ordering::SeqCst);
                                });
                            })
                        })
                        .collect();
                    all.into_iter().for_each(|one| one.join().unwrap());
                    let most_at_once = at_once.1.load(Ordering::SeqCst);
                    assert!((1..=most).contains(&most_at_once), "{most_at_once} of {most}");
                    let ms = stats().unwrap().machines.all();
                    assert!(ms <= most, "{ms} of {most} threads");
                })
                .unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            let told = format!(", limit of {} Ms reached", procs + 2);
            assert!(said.lines().any(|line| line.ends_with(&told)), "{said}");
        },
    );
}
