//! Mutexes: one at a time, no wake lost, nobody starves, panics are remembered.

mod common;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant as Clock};

use common::count::Count;
use common::{KINDS, on_each_kind, on_every_runtime, quiet_panic, suspends_often, yield_until};
use g0_sched::{
    Instant, Mutex, MutexGuard, PoisonError, TryLockError, channel, go, goexit, lock_os_thread,
    sleep, yield_now,
};

/// Counts up without atomics, and notices company.
#[derive(Default)]
struct Counter {
    count: u64,
    busy: AtomicBool,
}

impl Counter {
    fn count(&mut self, pause: bool) {
        assert!(!self.busy.swap(true, Ordering::Relaxed), "two at a time");
        let count = self.count;
        if pause {
            yield_now();
        }
        self.count = count + 1;
        self.busy.store(false, Ordering::Relaxed);
    }
}

/// Locks in the way number `i`.
fn lock_somehow<T>(lock: &Mutex<T>, i: usize) -> MutexGuard<'_, T> {
    match i % 4 {
        0 | 1 => lock.lock().unwrap(),
        2 => loop {
            match lock.try_lock_for(Duration::from_micros(20)) {
                Ok(guard) => break guard,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Poisoned(_)) => panic!("nobody panicked"),
            }
        },
        _ => loop {
            match lock.try_lock() {
                Ok(guard) => break guard,
                Err(_) => yield_now(),
            }
        },
    }
}

#[test]
fn one_goroutine_or_thread_at_a_time_is_inside() {
    const EACH: usize = 500;
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(Counter::default()));
        let goroutines: Vec<_> = (0..8)
            .map(|n| {
                let lock = lock.clone();
                go(move || {
                    for i in 0..EACH {
                        lock_somehow(&lock, n).count(i % 16 == 0);
                    }
                })
            })
            .collect();
        let threads: Vec<_> = (0..2)
            .map(|n| {
                let lock = lock.clone();
                std::thread::spawn(move || {
                    for _ in 0..EACH {
                        lock_somehow(&lock, n * 2).count(false);
                    }
                })
            })
            .collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(lock.lock().unwrap().count, 10 * EACH as u64);
        let lock = Arc::into_inner(lock).expect("all have ended");
        assert_eq!(lock.into_inner().unwrap().count, 10 * EACH as u64);
    });
}

#[test]
fn goroutines_locked_to_their_threads_take_turns_too() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(Counter::default()));
        let all: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                go(move || {
                    lock_os_thread();
                    for _ in 0..50 {
                        lock.lock().unwrap().count(true);
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|g| g.join().unwrap());
        assert_eq!(lock.lock().unwrap().count, 150);
    });
}

#[test]
fn those_who_wait_are_served_in_order() {
    on_every_runtime(1, || {
        // Another round tells if an eviction has mixed them up; see the channels' test.
        let round = || {
            let lock = Arc::new(Mutex::new(Vec::new()));
            let arrived = Arc::new(AtomicUsize::new(0));
            let held = lock.lock().unwrap();
            let waiters: Vec<_> = (0..8)
                .map(|i| {
                    let (lock, counted) = (lock.clone(), arrived.clone());
                    let waiter = go(move || {
                        counted.fetch_add(1, Ordering::SeqCst);
                        lock.lock().unwrap().push(i);
                    });
                    yield_until("it waits", || arrived.load(Ordering::SeqCst) == i + 1);
                    waiter
                })
                .collect();
            drop(held);
            waiters.into_iter().for_each(|w| w.join().unwrap());
            lock.lock().unwrap().iter().copied().eq(0..8)
        };
        assert!(
            (0..20).any(|_| round()) || suspends_often(),
            "waiters were served out of order every time"
        );
    });
}

/// Ten locks beside one that takes the lock again as soon as it has released it.
fn ten_locks_beside_a_hog(hold: fn()) {
    let lock = Arc::new(Mutex::new(0u64));
    let (stop, runs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let hog = {
        let (lock, stop, runs) = (lock.clone(), stop.clone(), runs.clone());
        go(move || {
            while !stop.load(Ordering::Relaxed) {
                let mut held = lock.lock().unwrap();
                runs.store(true, Ordering::Relaxed);
                hold();
                *held += 1;
            }
        })
    };
    yield_until("the hog runs", || runs.load(Ordering::Relaxed));
    let begin = Clock::now();
    for _ in 0..10 {
        sleep(Duration::from_micros(100));
        *lock.lock().unwrap() += 1;
    }
    let took = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    hog.join().unwrap();
    assert!(took < Duration::from_secs(10), "ten locks beside a hog took {took:?}");
}

#[test]
fn a_waiter_gets_the_lock_beside_a_hog_that_sleeps_with_it() {
    on_every_runtime(2, || ten_locks_beside_a_hog(|| sleep(Duration::from_micros(100))));
}

/// On the pinned runtime a goroutine that does nothing but compute and lock what is free keeps its
/// thread from all others that have run there: so these start one that may go elsewhere.
fn on_migrating_runtimes(main: fn()) {
    on_each_kind(move |kind, procs| {
        if kind.migrates() {
            kind.with_procs(procs).run(main).expect("main returns");
        }
    });
}

fn compute(time: Duration) {
    let begin = Clock::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn a_waiter_gets_the_lock_beside_a_hog_that_computes_with_it() {
    on_migrating_runtimes(|| ten_locks_beside_a_hog(|| compute(Duration::from_micros(100))));
}

#[test]
fn a_waiter_gets_the_lock_beside_a_hog_that_holds_it_briefly() {
    on_migrating_runtimes(|| ten_locks_beside_a_hog(|| {}));
}

#[test]
fn who_waits_is_let_in_by_a_hog_that_never_parks() {
    for hold in [Duration::ZERO, Duration::from_micros(100)] {
        on_every_runtime(2, move || {
            let lock = Arc::new(Mutex::new(()));
            let (arrived, served) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let held = lock.lock().unwrap();
            let waiters: Vec<_> = (0..10)
                .map(|_| {
                    let (lock, arrived, served) = (lock.clone(), arrived.clone(), served.clone());
                    go(move || {
                        arrived.fetch_add(1, Ordering::SeqCst);
                        let _held = lock.lock().unwrap();
                        served.fetch_add(1, Ordering::SeqCst);
                    })
                })
                .collect();
            yield_until("all arrive", || arrived.load(Ordering::SeqCst) == 10);
            // Those on another thread get as far as the queue.
            sleep(Duration::from_millis(2));
            drop(held);
            let begin = Clock::now();
            while served.load(Ordering::SeqCst) < 10 {
                let _held = lock.lock().unwrap();
                compute(hold);
            }
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(10), "ten waiters took {took:?} beside a hog");
            waiters.into_iter().for_each(|w| w.join().unwrap());
        });
    }
}

#[test]
fn once_nobody_starves_any_more_the_lock_is_as_new() {
    on_every_runtime(1, || {
        let (lock, arrived) = (Arc::new(Mutex::new(0)), Arc::new(AtomicBool::new(false)));
        let held = lock.lock().unwrap();
        let waiter = {
            let (lock, arrived) = (lock.clone(), arrived.clone());
            go(move || {
                arrived.store(true, Ordering::SeqCst);
                *lock.lock().unwrap() += 1;
            })
        };
        yield_until("it waits", || arrived.load(Ordering::SeqCst));
        sleep(Duration::from_millis(2));
        drop(held);
        // On one P the lock is taken again before the waiter runs: that wakes in vain, starves, and
        // is handed the lock, the last of the queue.
        let held = lock.lock().unwrap();
        sleep(Duration::from_millis(2));
        drop(held);
        waiter.join().unwrap();
        assert_eq!(*lock.try_lock().expect("it is free"), 1);
        let others: Vec<_> = (0..4)
            .map(|_| {
                let lock = lock.clone();
                go(move || *lock.lock().unwrap() += 1)
            })
            .collect();
        others.into_iter().for_each(|o| o.join().unwrap());
        assert_eq!(*lock.lock().unwrap(), 5);
    });
}

#[test]
fn a_panic_inside_poisons() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(1));
        let theirs = lock.clone();
        let gone = go(move || {
            let mut value = theirs.lock().unwrap();
            *value = 2;
            quiet_panic("inside");
        });
        assert!(gone.join().is_err());
        assert!(lock.is_poisoned());
        let error = lock.lock().unwrap_err();
        assert_eq!(**error.get_ref(), 2, "the value as it was left");
        assert_eq!(error.to_string(), "poisoned: a panic while the lock was held");
        *error.into_inner() += 1;
        match lock.try_lock() {
            Err(TryLockError::Poisoned(mut error)) => **error.get_mut() += 1,
            other => panic!("{other:?}"),
        }
        match lock.try_lock_for(Duration::from_secs(1)) {
            Err(TryLockError::Poisoned(error)) => assert_eq!(*error.into_inner(), 4),
            other => panic!("{other:?}"),
        }
        let shown = format!("{lock:?}");
        assert!(shown.contains("data: 4") && shown.contains("poisoned: true"), "{shown}");
        lock.clear_poison();
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.lock().unwrap(), 4);
    });
}

#[test]
fn what_a_waiter_gets_after_a_panic_is_poisoned() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(()));
        let (inside, arrived) = (channel::<()>(0), channel::<()>(1));
        let panics = {
            let (lock, inside, arrived) = (lock.clone(), inside.0, arrived.1);
            go(move || {
                let _guard = lock.lock().unwrap();
                inside.send(()).unwrap();
                arrived.recv().unwrap();
                quiet_panic("while somebody waits");
            })
        };
        inside.1.recv().unwrap();
        let waits = {
            let (lock, arrived) = (lock.clone(), arrived.0);
            go(move || {
                arrived.send(()).unwrap();
                lock.lock().is_err()
            })
        };
        assert!(panics.join().is_err());
        assert!(waits.join().unwrap(), "the lock is poisoned");
    });
}

#[test]
fn a_goexit_inside_poisons() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(0));
        let theirs = lock.clone();
        let gone = go(move || {
            let _guard = theirs.lock().unwrap();
            goexit();
        });
        assert!(gone.join().is_err());
        assert!(lock.is_poisoned());
    });
}

#[test]
fn a_lock_taken_while_unwinding_is_not_poisoned_by_that() {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(0));
        let theirs = Locks(lock.clone());
        let gone = go(move || {
            let _theirs = theirs;
            quiet_panic("outside");
        });
        assert!(gone.join().is_err());
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.lock().unwrap(), 1);
        // It is of that holder alone.
        let theirs = lock.clone();
        let gone = go(move || {
            let _guard = theirs.lock().unwrap();
            quiet_panic("inside");
        });
        assert!(gone.join().is_err());
        assert!(lock.is_poisoned());
    });
}

#[test]
fn a_guard_that_outlives_the_unwinding_in_which_it_was_taken_leaves_no_mark() {
    type Slot = Arc<Mutex<Option<MutexGuard<'static, u32>>>>;
    struct Locks(&'static Mutex<u32>, Slot);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.1.lock().unwrap() = Some(self.0.lock().unwrap());
        }
    }
    on_every_runtime(2, || {
        let lock: &'static Mutex<u32> = Box::leak(Box::new(Mutex::new(0)));
        let slot = Slot::default();
        let locks = Locks(lock, slot.clone());
        let gone = go(move || {
            let _locks = locks;
            quiet_panic("outside");
        });
        assert!(gone.join().is_err());
        drop(slot.lock().unwrap().take().expect("the destructor has left the guard"));
        assert!(!lock.is_poisoned());
        let gone = go(move || {
            let _guard = lock.lock().unwrap();
            quiet_panic("inside");
        });
        assert!(gone.join().is_err());
        assert!(lock.is_poisoned());
    });
}

#[test]
fn the_value_of_a_poisoned_lock_is_in_the_error() {
    let mut lock = Mutex::new(String::from("a"));
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.lock().unwrap();
        quiet_panic("inside");
    }));
    assert!(broken.is_err());
    lock.get_mut().unwrap_err().into_inner().push('b');
    assert_eq!(lock.into_inner().map_err(PoisonError::into_inner), Err(String::from("ab")));
    let mut lock = Mutex::new(5);
    *lock.get_mut().unwrap() = 6;
    assert_eq!(lock.into_inner().unwrap(), 6);
}

#[test]
fn a_lock_that_is_held_is_not_taken_before_its_time() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(0));
        let held = lock.lock().unwrap();
        assert!(format!("{lock:?}").contains("<locked>"));
        let theirs = lock.clone();
        let tries = move || {
            let would_block = |result: Result<_, TryLockError<MutexGuard<'_, i32>>>| {
                matches!(result, Err(TryLockError::WouldBlock))
            };
            assert!(would_block(theirs.try_lock()));
            // No time at all, and a deadline that has passed.
            let begin = Clock::now();
            assert!(would_block(theirs.try_lock_for(Duration::ZERO)));
            assert!(would_block(theirs.try_lock_until(Instant::from_nanos(0))));
            assert!(would_block(theirs.try_lock_until(Instant::now())));
            assert!(begin.elapsed() < Duration::from_secs(1));
            let begin = Clock::now();
            assert!(would_block(theirs.try_lock_for(Duration::from_millis(5))));
            assert!(begin.elapsed() >= Duration::from_millis(5));
        };
        go(tries.clone()).join().unwrap();
        let thread = std::thread::spawn(tries);
        yield_until("the thread has tried", || thread.is_finished());
        thread.join().unwrap();
        drop(held);
        // Nobody is left in the queue, and the lock is as new.
        assert!(lock.try_lock().is_ok());
        assert!(lock.try_lock_until(Instant::from_nanos(0)).is_ok());
    });
}

#[test]
fn the_end_of_time_never_comes() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(0));
        let held = lock.lock().unwrap();
        let waits: Vec<_> = [Duration::MAX, Duration::from_secs(u64::MAX / 1_000_000_000)]
            .into_iter()
            .map(|time| {
                let lock = lock.clone();
                go(move || *lock.try_lock_for(time).unwrap() += 1)
            })
            .collect();
        let theirs = lock.clone();
        let thread = std::thread::spawn(move || {
            *theirs.try_lock_until(Instant::END).unwrap() += 1;
        });
        sleep(Duration::from_millis(2));
        assert!(waits.iter().all(|w| !w.is_finished()) && !thread.is_finished());
        drop(held);
        waits.into_iter().for_each(|w| w.join().unwrap());
        yield_until("the thread too", || thread.is_finished());
        assert_eq!(*lock.lock().unwrap(), 3);
    });
}

#[test]
fn no_wake_is_lost_to_those_whose_time_is_up() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(0usize));
        let (taken, missed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all: Vec<_> = (0..12u64)
            .map(|n| {
                let (lock, taken, missed) = (lock.clone(), taken.clone(), missed.clone());
                go(move || {
                    for i in 0..100 {
                        let guard = match n % 3 {
                            0 => Ok(lock.lock().unwrap()),
                            _ => lock.try_lock_for(Duration::from_micros((n * 37 + i * 13) % 90)),
                        };
                        match guard {
                            Ok(mut guard) => {
                                *guard += 1;
                                taken.fetch_add(1, Ordering::Relaxed);
                                if i % 4 == 0 {
                                    sleep(Duration::from_micros(30));
                                }
                            }
                            Err(_) => drop(missed.fetch_add(1, Ordering::Relaxed)),
                        }
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|g| g.join().unwrap());
        let taken = taken.load(Ordering::Relaxed);
        assert_eq!(*lock.try_lock().expect("nobody is there"), taken);
        assert_eq!(taken + missed.load(Ordering::Relaxed), 1200);
    });
}

#[test]
fn a_guard_that_is_forgotten_keeps_the_lock_and_shutdown_ends_who_waits() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let lock = Arc::new(Mutex::new(0));
        let ended = kind.with_procs(procs).run_counted(|| {
            let waiting = Arc::new(AtomicUsize::new(0));
            let theirs = lock.clone();
            go(move || std::mem::forget(theirs.lock().unwrap())).join().unwrap();
            for i in 0..5 {
                let (lock, one, waiting) = (lock.clone(), count.one(), waiting.clone());
                drop(go(move || {
                    let _one = one;
                    waiting.fetch_add(1, Ordering::SeqCst);
                    if i % 2 == 0 {
                        drop(lock.lock());
                    } else {
                        drop(lock.try_lock_for(Duration::from_secs(1000)));
                    }
                    unreachable!("the lock is held for ever");
                }));
            }
            yield_until("all wait", || waiting.load(Ordering::SeqCst) == 5);
            sleep(Duration::from_millis(1));
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(5);
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    });
}

#[test]
fn shutdown_releases_the_locks_of_those_it_unwinds() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let lock = Arc::new(Mutex::new(()));
        let ended = kind.with_procs(procs).run_counted(|| {
            let (tx, rx) = channel::<()>(0);
            let (theirs, one) = (lock.clone(), count.one());
            drop(go(move || {
                let (_one, _guard) = (one, theirs.lock().unwrap());
                tx.send(()).unwrap();
                // Parked with the lock held.
                tx.send(()).unwrap();
            }));
            rx.recv().unwrap();
            for _ in 0..5 {
                let (lock, one) = (lock.clone(), count.one());
                drop(go(move || {
                    let _one = one;
                    // It may still get it, when its holder goes first.
                    let _guard = lock.lock().unwrap();
                    loop {
                        yield_now();
                    }
                }));
            }
            yield_now();
            std::mem::forget(rx);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(6);
        assert!(!lock.is_poisoned(), "L25: the end of the run poisons a lock");
        drop(lock.try_lock().unwrap());
    });
}

#[test]
fn a_guard_may_be_dropped_by_somebody_else() {
    static LOCK: Mutex<u32> = Mutex::new(0);
    on_every_runtime(2, || {
        let guard = LOCK.lock().unwrap();
        let waits = go(|| *LOCK.lock().unwrap() += 1);
        yield_now();
        go(move || drop(guard)).join().unwrap();
        waits.join().unwrap();
        let guard = LOCK.lock().unwrap();
        let waits = go(|| *LOCK.lock().unwrap() += 1);
        yield_now();
        std::thread::spawn(move || drop(guard)).join().unwrap();
        waits.join().unwrap();
    });
    assert_eq!(*LOCK.lock().unwrap() as usize, 4 * KINDS.len());
}

#[test]
fn values_are_dropped_once() {
    let count = Count::new();
    drop(Mutex::new(count.one()));
    drop(Mutex::new(count.one()).into_inner().unwrap());
    let lock = Arc::new(Mutex::new(Some(count.one())));
    lock.lock().unwrap().take();
    *lock.lock().unwrap() = Some(count.one());
    drop(lock);
    count.assert_all_dropped(4);
}

#[test]
fn what_std_can_do_this_can() {
    let slice: &Mutex<[u8]> = &Mutex::new([1, 2, 3]);
    slice.lock().unwrap()[1] = 9;
    assert_eq!(slice.lock().unwrap()[..], [1, 9, 3]);
    let shared: Arc<Mutex<dyn Fn() -> u32 + Send>> = Arc::new(Mutex::new(|| 7));
    assert_eq!((shared.lock().unwrap())(), 7);
    assert_eq!(Mutex::<u32>::default().into_inner().unwrap(), 0);
    let mut map = Mutex::from(BTreeMap::from([(1, 2)]));
    map.get_mut().unwrap().insert(3, 4);
    assert_eq!(map.lock().unwrap().len(), 2);
    let lock = Mutex::new(3);
    let guard = lock.lock().unwrap();
    assert_eq!(format!("{guard} {guard:?}"), "3 3");
    fn asks<T: Send + Sync>() {}
    asks::<Mutex<std::cell::Cell<u8>>>();
    asks::<MutexGuard<'_, u8>>();
}
