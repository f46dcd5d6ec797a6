//! Goroutines that are locked to their threads.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{on_each_kind, on_every_runtime, tid, yield_until};
use g0_sched::{
    Runtime, channel, current, go, lock_os_thread, os_thread_locked, park, unlock_os_thread,
    yield_now,
};

#[test]
fn l8_locks_nest_and_only_the_last_unlock_unlocks() {
    on_every_runtime(2, || {
        assert!(!os_thread_locked());
        (0..3).for_each(|_| lock_os_thread());
        for left in (0..3).rev() {
            assert!(os_thread_locked(), "{} unlocks too early", left + 1);
            unlock_os_thread();
        }
        assert!(!os_thread_locked());
    });
}

#[test]
fn l8_an_unlock_without_a_lock_does_nothing() {
    on_every_runtime(2, || {
        (0..3).for_each(|_| unlock_os_thread());
        assert!(!os_thread_locked());
        lock_os_thread();
        assert!(os_thread_locked(), "earlier unlocks count for nothing");
        unlock_os_thread();
        assert!(!os_thread_locked());
    });
    // So do both on a thread that runs no goroutine.
    unlock_os_thread();
    lock_os_thread();
    assert!(!os_thread_locked());
}

#[test]
fn l1_a_locked_goroutine_runs_only_on_its_thread() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<usize>(0);
        let locked: Vec<_> = (0..4)
            .map(|_| {
                let rx = rx.clone();
                go(move || {
                    lock_os_thread();
                    let mine = tid();
                    let mut got = 0;
                    for value in &rx {
                        assert_eq!(tid(), mine, "after a receive");
                        got += value;
                        yield_now();
                        assert_eq!(tid(), mine, "after a yield");
                        let me = current().expect("a goroutine");
                        let waker = go(move || me.unpark());
                        park();
                        assert_eq!(tid(), mine, "after a park");
                        waker.join().unwrap();
                        assert_eq!(tid(), mine, "after a join");
                    }
                    assert!(os_thread_locked());
                    unlock_os_thread();
                    got
                })
            })
            .collect();
        drop(rx);
        (1..=200).for_each(|i| tx.send(i).unwrap());
        drop(tx);
        let sum: usize = locked.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, 200 * 201 / 2);
    });
}

#[test]
fn l1_where_goroutines_do_not_migrate_every_goroutine_keeps_its_thread() {
    on_each_kind(|kind, procs| {
        if kind.migrates() {
            return;
        }
        kind.with_procs(procs)
            .run(|| {
                // A value for each who waits: everyone sends before it receives.
                let (tx, rx) = channel::<u32>(20);
                let all: Vec<_> = (0..20)
                    .map(|_| {
                        let (tx, rx) = (tx.clone(), rx.clone());
                        go(move || {
                            let mine = tid();
                            for round in 0..50 {
                                tx.send(round).unwrap();
                                rx.recv().unwrap();
                                yield_now();
                                assert_eq!(tid(), mine);
                            }
                        })
                    })
                    .collect();
                all.into_iter().for_each(|h| h.join().unwrap());
            })
            .unwrap();
    });
}

#[test]
fn l2_nobody_starts_on_a_thread_that_another_has_locked() {
    on_every_runtime(2, || {
        let (said, hear) = channel::<i32>(0);
        let (end, ended) = channel::<()>(0);
        let locked: Vec<_> = (0..3)
            .map(|_| {
                let (said, ended) = (said.clone(), ended.clone());
                go(move || {
                    lock_os_thread();
                    said.send(tid()).unwrap();
                    let _ = ended.recv();
                    unlock_os_thread();
                })
            })
            .collect();
        let taken: HashSet<i32> = (0..3).map(|_| hear.recv().unwrap()).collect();
        let taken = Arc::new(taken);
        let others: Vec<_> = (0..50)
            .map(|_| {
                let taken = taken.clone();
                go(move || {
                    for _ in 0..50 {
                        assert!(!taken.contains(&tid()), "on a locked thread");
                        yield_now();
                    }
                })
            })
            .collect();
        others.into_iter().for_each(|h| h.join().unwrap());
        drop(end);
        locked.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn locked_goroutines_take_turns() {
    on_every_runtime(2, || {
        let turns = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..4)
            .map(|_| {
                let turns = turns.clone();
                go(move || {
                    lock_os_thread();
                    let mine = tid();
                    for _ in 0..100 {
                        turns.fetch_add(1, Ordering::Relaxed);
                        yield_now();
                        assert_eq!(tid(), mine);
                    }
                    unlock_os_thread();
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(turns.load(Ordering::Relaxed), 400);
    });
}

/// Threads that have ended: the numbers which they kept under [`key`].
static GONE: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// A key whose destructor runs when a thread that set it ends.
fn key() -> libc::pthread_key_t {
    extern "C" fn gone(tid: *mut libc::c_void) {
        GONE.lock().unwrap().push(tid.addr() as i32);
    }
    let mut key = 0;
    // SAFETY: the destructor fits.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(gone)) }, 0);
    key
}

#[test]
fn l9_a_goroutine_that_ends_locked_takes_its_thread_with_it() {
    on_each_kind(|kind, procs| {
        let key = key();
        kind.with_procs(procs)
            .run(move || {
                let ended: HashSet<i32> = (0..5)
                    .map(|_| {
                        let locked = go(move || {
                            lock_os_thread();
                            yield_now();
                            let mine = tid();
                            let value = std::ptr::without_provenance(mine as usize);
                            // SAFETY: the key is there, its value is a number.
                            assert_eq!(unsafe { libc::pthread_setspecific(key, value) }, 0);
                            mine
                        });
                        locked.join().unwrap()
                    })
                    .collect();
                if kind.is_pinned() {
                    // The thread goes on, for the others that are bound to it: documented.
                    return;
                }
                assert_eq!(ended.len(), 5, "a thread each");
                yield_until("the threads end", || {
                    let gone = GONE.lock().unwrap();
                    ended.iter().all(|tid| gone.contains(tid))
                });
                let after: Vec<_> = (0..50)
                    .map(|_| {
                        go(|| {
                            yield_now();
                            tid()
                        })
                    })
                    .collect();
                for handle in after {
                    assert!(!ended.contains(&handle.join().unwrap()), "on a dead thread");
                }
            })
            .unwrap();
    });
}

#[test]
fn main_may_return_locked() {
    on_every_runtime(2, || {
        go(lock_os_thread).join().unwrap();
        lock_os_thread();
        lock_os_thread();
        yield_now();
    });
}

#[test]
fn a_locked_goroutine_that_yields_lets_others_run() {
    on_every_runtime(2, || {
        lock_os_thread();
        let ran = Arc::new(AtomicBool::new(false));
        let theirs = ran.clone();
        let other = go(move || theirs.store(true, Ordering::SeqCst));
        yield_until("the other goroutine runs", || ran.load(Ordering::SeqCst));
        other.join().unwrap();
        unlock_os_thread();
    });
}

#[test]
fn main_may_be_wired_to_the_thread_that_runs_the_runtime() {
    for threads in common::Threads::ALL {
        for procs in [1, 2] {
            common::bounded("main on the first thread", move || {
                let here = common::tid();
                let builder = Runtime::builder().procs(procs).lock_main_thread();
                let kind = common::Kind { threads, fences: g0_sched::Fences::Auto };
                kind.build(builder)
                    .run(|| {
                        assert!(os_thread_locked());
                        let (tx, rx) = channel(0);
                        let other = go(move || {
                            for i in 0..100 {
                                tx.send((i, common::tid())).unwrap();
                            }
                        });
                        for (_, there) in rx.iter() {
                            assert_eq!(common::tid(), here, "main left its thread");
                            assert_ne!(there, here, "another goroutine on main's thread");
                            yield_now();
                        }
                        other.join().unwrap();
                        unlock_os_thread();
                        assert!(!os_thread_locked());
                    })
                    .unwrap();
            });
        }
    }
}

/// A thread inherits its signal mask and its affinity from the thread that starts it.
#[test]
fn l10_threads_that_are_needed_while_a_goroutine_is_locked_inherit_nothing_from_it() {
    fn usr1_is_blocked() -> bool {
        // SAFETY: the set is ours.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut set);
            libc::sigismember(&raw const set, libc::SIGUSR1) == 1
        }
    }
    fn block_usr1(how: libc::c_int) {
        // SAFETY: as above.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGUSR1);
            libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
        }
    }
    on_every_runtime(2, || {
        lock_os_thread();
        block_usr1(libc::SIG_BLOCK);
        let here = tid();
        // Others run while this thread sleeps, and need threads of their own.
        let others: Vec<_> = (0..4)
            .map(|_| {
                go(|| {
                    for _ in 0..20 {
                        yield_now();
                    }
                    (tid(), usr1_is_blocked())
                })
            })
            .collect();
        for other in others {
            let (there, blocked) = other.join().unwrap();
            assert_ne!(there, here, "L2: another goroutine on the locked thread");
            assert!(!blocked, "L10: a thread was started by the locked one");
        }
        assert!(usr1_is_blocked());
        block_usr1(libc::SIG_UNBLOCK);
        unlock_os_thread();
    });
}

#[test]
fn l8_more_locks_than_can_be_counted_panic_and_are_not_lost() {
    on_every_runtime(1, || {
        let most = (1 << 20) - 1;
        (0..most).for_each(|_| lock_os_thread());
        let text = common::panic_text(lock_os_thread);
        assert!(text.contains("too many OS thread locks"), "{text}");
        (0..most - 1).for_each(|_| unlock_os_thread());
        assert!(os_thread_locked());
        unlock_os_thread();
        assert!(!os_thread_locked());
    });
}

#[test]
fn l8_an_unlock_on_another_goroutine_does_nothing() {
    on_every_runtime(2, || {
        lock_os_thread();
        go(|| {
            unlock_os_thread();
            assert!(!os_thread_locked());
        })
        .join()
        .unwrap();
        assert!(os_thread_locked());
        unlock_os_thread();
    });
}

#[test]
fn one_who_is_locked_and_yields_lets_those_of_its_thread_run() {
    on_every_runtime(1, || {
        let (tx, rx) = channel::<u32>(0);
        let (back, answered) = channel::<u32>(1);
        // On the pinned runtime it is bound to the same thread, and each send makes it the next there.
        let other = go(move || rx.iter().for_each(|value| back.send(value + 1).unwrap()));
        yield_now();
        lock_os_thread();
        for i in 0..20 {
            tx.send(i).unwrap();
            yield_until("it answers", || answered.try_recv() == Ok(i + 1));
        }
        unlock_os_thread();
        drop(tx);
        other.join().unwrap();
    });
}

/// On the pinned runtime a locked goroutine and others that are bound to its thread take turns; so they do
/// when the thread gives its P away after each turn.
#[test]
fn goroutines_of_a_locked_thread_take_turns_while_other_threads_stand_in_line() {
    const ROUNDS: usize = 50;
    on_each_kind(|kind, _| {
        let ended = kind.with_procs(1).run(|| {
            let (ball, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let theirs = ball.clone();
            let other = go(move || {
                lock_os_thread();
                for round in 0..ROUNDS {
                    yield_until("main's turn is over", || {
                        theirs.load(Ordering::SeqCst) == 2 * round + 1
                    });
                    theirs.fetch_add(1, Ordering::SeqCst);
                }
            });
            yield_now();
            // Each on another thread: this one is locked, and so are they.
            let in_line = [(); 4].map(|()| {
                let seen = over.clone();
                go(move || {
                    lock_os_thread();
                    yield_until("all is over", || seen.load(Ordering::SeqCst));
                })
            });
            for round in 0..ROUNDS {
                yield_until("the other's turn is over", || {
                    ball.load(Ordering::SeqCst) == 2 * round
                });
                ball.fetch_add(1, Ordering::SeqCst);
            }
            other.join().unwrap();
            over.store(true, Ordering::SeqCst);
            in_line.into_iter().for_each(|one| one.join().unwrap());
        });
        ended.unwrap();
    });
}
