//! Condition variables: notified or timed out, never forgotten.

mod common;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant as Clock};

use common::count::Count;
use common::{
    on_each_kind, on_every_runtime, panic_text, quiet_panic, suspends_often, yield_until,
};
use g0_sched::{Condvar, Mutex, go, sleep, yield_now};

#[derive(Default)]
struct Pair<T> {
    lock: Mutex<T>,
    condition: Condvar,
}

fn pair<T: Default>() -> (Arc<Pair<T>>, Arc<Pair<T>>) {
    let pair = Arc::new(Pair::default());
    (pair.clone(), pair)
}

#[test]
fn a_notification_ends_a_wait() {
    on_every_runtime(2, || {
        let (ours, theirs) = pair::<bool>();
        let waits = go(move || {
            let mut ready = theirs.lock.lock().unwrap();
            while !*ready {
                ready = theirs.condition.wait(ready).unwrap();
            }
        });
        yield_now();
        *ours.lock.lock().unwrap() = true;
        ours.condition.notify_one();
        waits.join().unwrap();
    });
}

#[test]
fn a_notification_before_the_wait_is_gone() {
    on_every_runtime(2, || {
        let (ours, _) = pair::<()>();
        ours.condition.notify_one();
        ours.condition.notify_all();
        let guard = ours.lock.lock().unwrap();
        let (_guard, result) =
            ours.condition.wait_timeout(guard, Duration::from_millis(2)).unwrap();
        assert!(result.timed_out());
    });
}

#[test]
fn all_who_wait_are_notified_together_or_one_by_one() {
    on_every_runtime(2, || {
        for at_once in [true, false] {
            let pair = Arc::new(Pair::<(usize, usize)>::default());
            let wait = |pair: Arc<Pair<(usize, usize)>>| {
                let mut state = pair.lock.lock().unwrap();
                state.0 += 1;
                state = pair.condition.wait_while(state, |state| state.1 == 0).unwrap();
                state.1 -= 1;
            };
            let goroutines: Vec<_> = (0..8)
                .map(|_| {
                    let pair = pair.clone();
                    go(move || wait(pair))
                })
                .collect();
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let pair = pair.clone();
                    std::thread::spawn(move || wait(pair))
                })
                .collect();
            yield_until("all wait", || pair.lock.lock().unwrap().0 == 10);
            if at_once {
                pair.lock.lock().unwrap().1 = 10;
                pair.condition.notify_all();
            } else {
                for _ in 0..10 {
                    pair.lock.lock().unwrap().1 += 1;
                    pair.condition.notify_one();
                    yield_now();
                }
            }
            goroutines.into_iter().for_each(|g| g.join().unwrap());
            threads.into_iter().for_each(|t| {
                yield_until("the thread ends", || t.is_finished());
                t.join().unwrap();
            });
            assert_eq!(*pair.lock.lock().unwrap(), (10, 0));
        }
    });
}

#[test]
fn waits_are_notified_in_order() {
    on_every_runtime(1, || {
        // Another round tells if an eviction has mixed them up; see the channels' test.
        let round = || {
            let pair = Arc::new(Pair::<Vec<usize>>::default());
            let arrived = Arc::new(AtomicUsize::new(0));
            let all: Vec<_> = (0..6)
                .map(|i| {
                    let (pair, counted) = (pair.clone(), arrived.clone());
                    let waits = go(move || {
                        let mut log = pair.lock.lock().unwrap();
                        counted.fetch_add(1, Ordering::SeqCst);
                        log = pair.condition.wait(log).unwrap();
                        log.push(i);
                    });
                    yield_until("it waits", || arrived.load(Ordering::SeqCst) == i + 1);
                    waits
                })
                .collect();
            for i in 0..6 {
                pair.condition.notify_one();
                yield_until("it goes on", || pair.lock.lock().unwrap().len() > i);
            }
            all.into_iter().for_each(|one| one.join().unwrap());
            pair.lock.lock().unwrap().iter().copied().eq(0..6)
        };
        assert!(
            (0..20).any(|_| round()) || suspends_often(),
            "they were notified out of order every time"
        );
    });
}

#[test]
fn a_timeout_is_neither_early_nor_missed() {
    on_every_runtime(2, || {
        let (ours, theirs) = pair::<u32>();
        let check = move || {
            for length in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(5)] {
                let begin = Clock::now();
                let guard = theirs.lock.lock().unwrap();
                let (guard, result) = theirs.condition.wait_timeout(guard, length).unwrap();
                assert!(result.timed_out() && begin.elapsed() >= length);
                drop(guard);
                let begin = Clock::now();
                let guard = theirs.lock.lock().unwrap();
                let (guard, result) =
                    theirs.condition.wait_timeout_while(guard, length, |_| true).unwrap();
                assert!(result.timed_out() && begin.elapsed() >= length);
                let (guard, result) =
                    theirs.condition.wait_timeout_while(guard, length, |_| false).unwrap();
                assert!(!result.timed_out());
                drop(guard);
            }
        };
        let thread = std::thread::spawn(check.clone());
        go(check).join().unwrap();
        yield_until("the thread ends", || thread.is_finished());
        thread.join().unwrap();
        // The queue is empty again.
        ours.condition.notify_all();
        assert!(ours.lock.try_lock().is_ok());
    });
}

#[test]
fn the_mutex_is_released_also_by_a_wait_of_no_length() {
    on_every_runtime(2, || {
        let (ours, theirs) = pair::<bool>();
        let guard = ours.lock.lock().unwrap();
        let sets = go(move || *theirs.lock.lock().unwrap() = true);
        let mut guard = Some(guard);
        yield_until("it is set", || {
            let held = guard.take().unwrap();
            let (held, result) = ours.condition.wait_timeout(held, Duration::ZERO).unwrap();
            assert!(result.timed_out());
            let set = *held;
            guard = Some(held);
            set
        });
        drop(guard);
        sets.join().unwrap();
    });
}

#[test]
fn the_end_of_time_never_comes() {
    on_every_runtime(2, || {
        let (ours, theirs) = pair::<bool>();
        let waits = go(move || {
            let guard = theirs.lock.lock().unwrap();
            let wait = theirs.condition.wait_timeout_while(guard, Duration::MAX, |ready| !*ready);
            assert!(!wait.unwrap().1.timed_out());
        });
        sleep(Duration::from_millis(2));
        assert!(!waits.is_finished());
        *ours.lock.lock().unwrap() = true;
        ours.condition.notify_one();
        waits.join().unwrap();
    });
}

#[test]
fn no_notification_is_lost_to_those_whose_time_is_up() {
    const ITEMS: usize = 400;
    on_every_runtime(2, || {
        let (ours, _) = pair::<VecDeque<usize>>();
        let sum = Arc::new(AtomicUsize::new(0));
        let taken = Arc::new(AtomicUsize::new(0));
        let consumers: Vec<_> = (0..6usize)
            .map(|n| {
                let (pair, sum, taken) = (ours.clone(), sum.clone(), taken.clone());
                go(move || {
                    let mut items = pair.lock.lock().unwrap();
                    while taken.load(Ordering::SeqCst) < ITEMS {
                        if let Some(item) = items.pop_front() {
                            sum.fetch_add(item, Ordering::SeqCst);
                            if taken.fetch_add(1, Ordering::SeqCst) + 1 == ITEMS {
                                pair.condition.notify_all();
                            }
                        } else if n < 3 {
                            // These trust in being notified.
                            items = pair.condition.wait(items).unwrap();
                        } else {
                            let time = Duration::from_micros(n as u64 * 11 % 40);
                            items = pair.condition.wait_timeout(items, time).unwrap().0;
                        }
                    }
                })
            })
            .collect();
        for item in 0..ITEMS {
            ours.lock.lock().unwrap().push_back(item);
            ours.condition.notify_one();
            if item % 3 == 0 {
                sleep(Duration::from_micros(item as u64 % 50));
            }
        }
        consumers.into_iter().for_each(|c| c.join().unwrap());
        assert_eq!(sum.load(Ordering::SeqCst), ITEMS * (ITEMS - 1) / 2);
    });
}

#[test]
fn two_who_pass_a_turn_back_and_forth_never_both_wait() {
    fn pass(pair: &Pair<usize>, me: usize, rounds: usize) {
        let mut turn = pair.lock.lock().unwrap();
        for _ in 0..rounds {
            turn = pair.condition.wait_while(turn, |turn| *turn % 2 != me).unwrap();
            *turn += 1;
            pair.condition.notify_one();
        }
    }
    on_every_runtime(2, || {
        let (ours, theirs) = pair::<usize>();
        let one = go(move || pass(&theirs, 0, 500));
        pass(&ours, 1, 500);
        one.join().unwrap();
        let (ours, theirs) = pair::<usize>();
        let thread = std::thread::spawn(move || pass(&theirs, 0, 200));
        pass(&ours, 1, 200);
        yield_until("the thread ends", || thread.is_finished());
        thread.join().unwrap();
        assert_eq!(*ours.lock.lock().unwrap(), 400);
    });
}

#[test]
fn one_condition_may_serve_two_mutexes() {
    on_every_runtime(2, || {
        let condition = Arc::new(Condvar::new());
        let locks = [Arc::new(Mutex::new(false)), Arc::new(Mutex::new(false))];
        let waits: Vec<_> = locks
            .iter()
            .map(|lock| {
                let (lock, condition) = (lock.clone(), condition.clone());
                go(move || {
                    let guard = lock.lock().unwrap();
                    drop(condition.wait_while(guard, |ready| !*ready).unwrap());
                })
            })
            .collect();
        yield_now();
        for lock in &locks {
            *lock.lock().unwrap() = true;
            condition.notify_all();
        }
        waits.into_iter().for_each(|w| w.join().unwrap());
    });
}

#[test]
fn a_mutex_poisoned_meanwhile_says_so_and_a_panic_in_a_condition_poisons() {
    on_every_runtime(2, || {
        let (ours, theirs) = pair::<bool>();
        let (waits, waiting) = (ours.clone(), Arc::new(AtomicBool::new(false)));
        let there = waiting.clone();
        let waiter = go(move || {
            let guard = waits.lock.lock().unwrap();
            there.store(true, Ordering::SeqCst);
            let first = waits.condition.wait(guard).is_err();
            let guard = waits.lock.lock().unwrap_err().into_inner();
            let second = waits.condition.wait_timeout(guard, Duration::ZERO);
            first && second.unwrap_err().into_inner().1.timed_out()
        });
        yield_until("it waits", || waiting.load(Ordering::SeqCst) && ours.lock.try_lock().is_ok());
        let gone = go(move || {
            let _guard = theirs.lock.lock().unwrap();
            theirs.condition.notify_all();
            quiet_panic("with the mutex");
        });
        assert!(gone.join().is_err());
        assert!(waiter.join().unwrap());
        ours.lock.clear_poison();

        let text = panic_text(|| {
            let guard = ours.lock.lock().unwrap();
            drop(ours.condition.wait_while(guard, |_| quiet_panic("in the condition")));
        });
        assert_eq!(text, "in the condition");
        assert!(ours.lock.is_poisoned());
    });
}

#[test]
fn shutdown_ends_those_who_wait_and_leaves_the_mutex_free() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let pair = Arc::new(Pair::<usize>::default());
        let ended = kind.with_procs(procs).run_counted(|| {
            for i in 0..6 {
                let (pair, one) = (pair.clone(), count.one());
                drop(go(move || {
                    let _one = one;
                    let mut guard = pair.lock.lock().unwrap();
                    *guard += 1;
                    loop {
                        guard = if i % 2 == 0 {
                            pair.condition.wait(guard).unwrap()
                        } else {
                            let time = Duration::from_secs(1000);
                            pair.condition.wait_timeout(guard, time).unwrap().0
                        };
                    }
                }));
            }
            yield_until("all wait", || *pair.lock.lock().unwrap() == 6);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(6);
        assert!(!pair.lock.is_poisoned(), "nobody held it");
        assert!(pair.lock.try_lock().is_ok());
        pair.condition.notify_all();
    });
}

#[test]
fn a_condition_variable_lies_in_a_static() {
    static READY: Mutex<u32> = Mutex::new(0);
    static CHANGED: Condvar = Condvar::new();
    on_every_runtime(2, || {
        *READY.lock().unwrap() = 0;
        let waits = go(|| *CHANGED.wait_while(READY.lock().unwrap(), |ready| *ready == 0).unwrap());
        yield_now();
        *READY.lock().unwrap() = 5;
        CHANGED.notify_one();
        assert_eq!(waits.join().unwrap(), 5);
    });
}
