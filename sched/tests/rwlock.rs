//! Read-write locks: readers together, writers alone, in the order in which they came.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant as Clock};

use common::count::Count;
use common::{KINDS, on_each_kind, on_every_runtime, quiet_panic, yield_until};
use g0_sched::{
    Barrier, JoinHandle, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, channel, go,
    goexit, sleep, yield_now,
};

/// Two numbers that are the same unless somebody sees a writer at work.
#[derive(Default)]
struct Pair {
    a: u64,
    b: u64,
}

impl Pair {
    fn count(&mut self, pause: bool) {
        self.a += 1;
        if pause {
            yield_now();
        }
        self.b += 1;
    }

    fn look(&self, pause: bool) -> u64 {
        let a = self.a;
        if pause {
            yield_now();
        }
        assert_eq!(a, self.b, "a writer is here too");
        a
    }
}

fn work(lock: &RwLock<Pair>, n: usize, rounds: usize, pause: bool) {
    for i in 0..rounds {
        let pause = pause && i % 8 == 0;
        if n.is_multiple_of(2) {
            lock.write().unwrap().count(pause);
        } else {
            lock.read().unwrap().look(pause);
        }
    }
}

#[test]
fn writers_are_alone_and_readers_see_what_they_wrote() {
    const EACH: usize = 300;
    on_every_runtime(2, || {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let goroutines: Vec<_> = (0..8)
            .map(|n| {
                let lock = lock.clone();
                go(move || work(&lock, n, EACH, true))
            })
            .collect();
        let threads: Vec<_> = (0..2)
            .map(|n| {
                let lock = lock.clone();
                std::thread::spawn(move || work(&lock, n, EACH, false))
            })
            .collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(lock.read().unwrap().look(false), 5 * EACH as u64);
        let lock = Arc::into_inner(lock).expect("all have ended");
        assert_eq!(lock.into_inner().unwrap().a, 5 * EACH as u64);
    });
}

#[test]
fn readers_are_together() {
    on_every_runtime(2, || {
        let (lock, all) = (Arc::new(RwLock::new(7)), Arc::new(Barrier::new(5)));
        let held = lock.write().unwrap();
        let readers: Vec<_> = (0..5)
            .map(|_| {
                let (lock, all) = (lock.clone(), all.clone());
                go(move || {
                    let seven = lock.read().unwrap();
                    // None of them goes on before all are inside.
                    all.wait();
                    *seven
                })
            })
            .collect();
        yield_now();
        drop(held);
        readers.into_iter().for_each(|r| assert_eq!(r.join().unwrap(), 7));
    });
}

/// Starts `waits` and gives it time to queue.
fn queued<T: Send + 'static>(waits: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let here = Arc::new(AtomicBool::new(false));
    let there = here.clone();
    let handle = go(move || {
        there.store(true, Ordering::SeqCst);
        waits()
    });
    yield_until("it comes", || here.load(Ordering::SeqCst));
    handle
}

#[test]
fn those_who_wait_are_served_in_order_and_readers_in_groups() {
    on_every_runtime(1, || {
        // Another round tells if an eviction has mixed them up; see the channels' test.
        let round = || {
            let lock = Arc::new(RwLock::new(()));
            let log = Arc::new(std::sync::Mutex::new(Vec::new()));
            let held = lock.read().unwrap();
            let all: Vec<_> = "wrrwwrr"
                .chars()
                .enumerate()
                .map(|(i, kind)| {
                    let (lock, log) = (lock.clone(), log.clone());
                    let (reads, writes) = (lock.clone(), log.clone());
                    match kind {
                        'r' => queued(move || {
                            let _held = reads.read().unwrap();
                            log.lock().unwrap().push((i, kind));
                            drop(lock);
                        }),
                        _ => queued(move || {
                            let _held = lock.write().unwrap();
                            writes.lock().unwrap().push((i, kind));
                        }),
                    }
                })
                .collect();
            // A writer waits, so nobody gets past it.
            let passed = lock.try_read().is_ok() || lock.try_write().is_ok();
            drop(held);
            all.into_iter().for_each(|one| one.join().unwrap());
            let mut log = std::mem::take(&mut *log.lock().unwrap());
            // Readers of one group come in any order.
            log[1..3].sort_unstable();
            log[5..7].sort_unstable();
            !passed && log.into_iter().map(|(i, _)| i).eq(0..7)
        };
        assert!((0..20).any(|_| round()), "they were served out of order every time");
    });
}

#[test]
fn neither_kind_keeps_the_other_out() {
    on_every_runtime(2, || {
        let lock = Arc::new(RwLock::new(0u64));
        let stop = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> = (0..6)
            .map(|n| {
                let (lock, stop) = (lock.clone(), stop.clone());
                go(move || {
                    while !stop.load(Ordering::Relaxed) {
                        if n % 2 == 0 {
                            let _held = lock.read().unwrap();
                            sleep(Duration::from_micros(50));
                        } else {
                            let mut held = lock.write().unwrap();
                            sleep(Duration::from_micros(50));
                            *held += 1;
                        }
                    }
                })
            })
            .collect();
        let begin = Clock::now();
        for _ in 0..20 {
            let before = *lock.read().unwrap();
            let mut held = lock.write().unwrap();
            assert!(*held >= before);
            *held += 1;
        }
        let took = begin.elapsed();
        stop.store(true, Ordering::Relaxed);
        hogs.into_iter().for_each(|h| h.join().unwrap());
        assert!(took < Duration::from_secs(10), "twenty rounds took {took:?}");
    });
}

#[test]
fn what_is_held_is_not_taken() {
    on_every_runtime(2, || {
        fn blocks<G>(result: Result<G, TryLockError<G>>) -> bool {
            matches!(result, Err(TryLockError::WouldBlock))
        }
        let lock = RwLock::new(1);
        let one = lock.read().unwrap();
        let two = lock.try_read().unwrap();
        assert!(blocks(lock.try_write()));
        drop(one);
        assert!(blocks(lock.try_write()));
        drop(two);
        let mut held = lock.try_write().unwrap();
        assert!(blocks(lock.try_write()) && blocks(lock.try_read()));
        assert!(format!("{lock:?}").contains("<locked>"));
        *held = 2;
        assert_eq!(format!("{held} {held:?}"), "2 2");
        drop(held);
        assert_eq!(*lock.try_read().unwrap(), 2);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_writer_that_reads_on_lets_readers_in_and_no_writer() {
    on_every_runtime(2, || {
        let lock = Arc::new(RwLock::new(0));
        let mut held = lock.write().unwrap();
        let (reads, writes) = (lock.clone(), lock.clone());
        let reader = queued(move || *reads.read().unwrap());
        *held = 1;
        let held = RwLockWriteGuard::downgrade(held);
        assert_eq!(reader.join().unwrap(), 1);
        let writer = queued(move || *writes.write().unwrap() = 2);
        yield_now();
        assert_eq!(*held, 1);
        drop(held);
        writer.join().unwrap();
        assert_eq!(*lock.read().unwrap(), 2);
    });
}

#[test]
fn a_panic_while_writing_poisons_and_one_while_reading_does_not() {
    on_every_runtime(2, || {
        let lock = Arc::new(RwLock::new(1));
        let theirs = lock.clone();
        let gone = go(move || {
            let _held = theirs.read().unwrap();
            quiet_panic("reading");
        });
        assert!(gone.join().is_err());
        assert!(!lock.is_poisoned() && lock.write().is_ok());
        for exits in [false, true] {
            let theirs = lock.clone();
            let gone = go(move || {
                let mut held = theirs.write().unwrap();
                *held += 1;
                if exits { goexit() } else { quiet_panic("writing") }
            });
            assert!(gone.join().is_err());
            assert!(lock.is_poisoned());
            let seen = **lock.read().unwrap_err().get_ref();
            assert_eq!(*lock.write().unwrap_err().into_inner(), seen);
            assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
            assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
            assert!(format!("{lock:?}").contains("poisoned: true"));
            lock.clear_poison();
        }
        assert_eq!(*lock.read().unwrap(), 3);
    });
}

#[test]
fn the_value_of_a_poisoned_lock_is_in_the_error() {
    let mut lock = RwLock::new(1);
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _held = lock.write().unwrap();
        quiet_panic("writing");
    }));
    assert!(broken.is_err());
    *lock.get_mut().unwrap_err().into_inner() = 2;
    assert_eq!(lock.into_inner().unwrap_err().into_inner(), 2);
}

#[test]
fn a_guard_that_is_forgotten_keeps_the_lock_and_shutdown_ends_who_waits() {
    on_each_kind(|kind, procs| {
        for writing in [false, true] {
            let count = Count::new();
            let lock = Arc::new(RwLock::new(0));
            let ended = kind.with_procs(procs).run_counted(|| {
                if writing {
                    std::mem::forget(lock.write().unwrap());
                } else {
                    std::mem::forget(lock.read().unwrap());
                }
                let waiting = Arc::new(AtomicUsize::new(0));
                for i in 0..6 {
                    let (lock, one, waiting) = (lock.clone(), count.one(), waiting.clone());
                    drop(go(move || {
                        let _one = one;
                        waiting.fetch_add(1, Ordering::SeqCst);
                        // Writers come first; readers behind them are let in as those leave.
                        if i < 3 {
                            drop(lock.write());
                        } else {
                            drop(lock.read());
                        }
                        loop {
                            yield_now();
                        }
                    }));
                }
                yield_until("all wait", || waiting.load(Ordering::SeqCst) == 6);
                sleep(Duration::from_millis(1));
            });
            assert_eq!(ended.unwrap().left_behind, 0);
            count.assert_all_dropped(6);
            assert_eq!(lock.try_read().is_ok(), !writing, "nobody is left in the queue");
            assert!(lock.try_write().is_err());
        }
    });
}

#[test]
fn guards_may_be_dropped_by_somebody_else() {
    static LOCK: RwLock<u32> = RwLock::new(0);
    on_every_runtime(2, || {
        let held = LOCK.write().unwrap();
        let waits = queued(|| *LOCK.read().unwrap());
        go(move || drop(held)).join().unwrap();
        waits.join().unwrap();
        let held = LOCK.read().unwrap();
        let waits = queued(|| *LOCK.write().unwrap() += 1);
        std::thread::spawn(move || drop(held)).join().unwrap();
        waits.join().unwrap();
    });
    assert_eq!(*LOCK.read().unwrap() as usize, 2 * KINDS.len());
}

#[test]
fn threads_wait_beside_goroutines() {
    on_every_runtime(2, || {
        let lock = Arc::new(RwLock::new(0));
        let held = lock.write().unwrap();
        let (tx, rx) = channel::<()>(2);
        let threads: Vec<_> = (0..2)
            .map(|n| {
                let (lock, tx) = (lock.clone(), tx.clone());
                std::thread::spawn(move || {
                    tx.send(()).unwrap();
                    if n == 0 {
                        *lock.write().unwrap() += 1;
                    } else {
                        drop(lock.read().unwrap());
                    }
                })
            })
            .collect();
        (0..2).for_each(|_| rx.recv().unwrap());
        sleep(Duration::from_millis(1));
        drop(held);
        *lock.write().unwrap() += 1;
        threads.into_iter().for_each(|t| {
            yield_until("the thread ends", || t.is_finished());
            t.join().unwrap();
        });
        assert_eq!(*lock.read().unwrap(), 2);
    });
}

#[test]
fn what_std_can_do_this_can() {
    let count = Count::new();
    drop(RwLock::new(count.one()));
    drop(RwLock::new(count.one()).into_inner().unwrap());
    count.assert_all_dropped(2);
    let slice: &RwLock<[u8]> = &RwLock::new([1, 2, 3]);
    slice.write().unwrap()[1] = 9;
    assert_eq!(slice.read().unwrap()[..], [1, 9, 3]);
    let mut lock = RwLock::from(3);
    *lock.get_mut().unwrap() += 1;
    assert_eq!(lock.into_inner().unwrap() + *RwLock::<i32>::default().read().unwrap(), 4);
    fn asks<T: Send + Sync>() {}
    asks::<RwLock<u8>>();
    asks::<RwLockReadGuard<'_, u8>>();
    asks::<RwLockWriteGuard<'_, u8>>();
}
