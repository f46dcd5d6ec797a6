//! Goroutines that are locked to their threads.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{on_each_kind, on_every_runtime, tid, yield_until};
use g0_sched::{
    JoinHandle, Receiver, Runtime, Sender, channel, current, go, lock_os_thread, os_thread_locked,
    park, stats, unlock_os_thread, yield_now,
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

/// How a goroutine that has locked its thread gives it up.
#[derive(Debug, Clone, Copy)]
enum Leave {
    Unlock,
    /// It ends, locked.
    End,
    Goexit,
    /// A panic ends it, locked, and it waits while it unwinds.
    Unwind,
}

impl Leave {
    /// What the goroutine does that has locked.
    fn now(self, unlocked: &Sender<()>) {
        struct WaitsInDrop(Sender<()>, Receiver<()>);
        impl Drop for WaitsInDrop {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
                self.1.recv().unwrap();
                assert!(os_thread_locked());
            }
        }
        assert!(os_thread_locked());
        match self {
            Leave::Unlock => {
                unlock_os_thread();
                assert!(!os_thread_locked());
                unlocked.send(()).unwrap();
            }
            Leave::End => {}
            Leave::Goexit => g0_sched::goexit(),
            Leave::Unwind => {
                let ((unwinds, other), (go_on, goes_on)) = (channel(0), channel(0));
                let _guard = WaitsInDrop(unwinds, goes_on);
                drop(go(move || {
                    other.recv().unwrap();
                    yield_now();
                    go_on.send(()).unwrap();
                }));
                common::quiet_panic("a locked goroutine");
            }
        }
    }
}

/// A goroutine that has locked its thread, and waits to be told how to give it up.
struct Locker {
    tid: i32,
    leave: Sender<Leave>,
    unlocked: Receiver<()>,
    /// Goes before it ends.
    end: Sender<()>,
    handle: JoinHandle<()>,
}

impl Locker {
    /// Starts `number` of them. On the pinned runtime with one P all are of this thread.
    fn start(number: usize) -> Vec<Locker> {
        let started: Vec<_> = (0..number)
            .map(|_| {
                let ((said, hear), (lock, locks)) = (channel(0), channel::<()>(0));
                let ((leave, leaves), (tell, unlocked)) = (channel::<Leave>(0), channel(0));
                let (end, ends) = channel::<()>(0);
                let handle = go(move || {
                    said.send(tid()).unwrap();
                    locks.recv().unwrap();
                    lock_os_thread();
                    said.send(tid()).unwrap();
                    leaves.recv().unwrap().now(&tell);
                    let _ = ends.recv();
                });
                hear.recv().unwrap();
                (lock, hear, Locker { tid: 0, leave, unlocked, end, handle })
            })
            .collect();
        let lock = |(lock, hear, locker): (Sender<()>, Receiver<i32>, Locker)| {
            lock.send(()).unwrap();
            Locker { tid: hear.recv().unwrap(), ..locker }
        };
        started.into_iter().map(lock).collect()
    }

    /// It gives its thread up: what is left of it lives on until that is dropped.
    fn leave(self, how: Leave) -> Option<Self> {
        self.leave.send(how).unwrap();
        if let Leave::Unlock = how {
            self.unlocked.recv().unwrap();
            return Some(self);
        }
        drop(self.end);
        let ended = self.handle.join();
        assert_eq!(ended.is_ok(), matches!(how, Leave::End));
        None
    }
}

/// Starts goroutines, of which none may run on a thread of `locked`.
fn new_ones_keep_off(locked: &[i32], what: &str) {
    let handles = [(); 3].map(|()| {
        go(|| {
            let before = tid();
            yield_now();
            [before, tid()]
        })
    });
    for there in handles.into_iter().flat_map(|handle| handle.join().unwrap()) {
        assert!(!locked.contains(&there), "L2: a new goroutine on a locked thread: {what}");
    }
}

/// Every order of `0..number`.
fn orders(number: usize) -> Vec<Vec<usize>> {
    let Some(last) = number.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| {
        (0..number).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last);
            order
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// `number` goroutines lock their threads, on the pinned runtime one and the same, and leave it in `order`, each
/// as `how` says: as long as one is left, nothing new begins there.
fn lock_and_leave(order: &[usize], how: impl Fn(usize) -> Leave) {
    // No thread is reserved yet, but on the exclusive runtime.
    let shares = stats().unwrap().machines.locked == 0;
    let mut all: Vec<_> = Locker::start(order.len()).into_iter().map(Some).collect();
    let locked = |all: &[Option<Locker>]| -> Vec<i32> {
        all.iter().flatten().map(|locker| locker.tid).collect()
    };
    let mut unlocked = Vec::new();
    let left = |all: &[Option<Locker>]| all.iter().flatten().count() != 0;
    for (n, &i) in order.iter().enumerate() {
        new_ones_keep_off(&locked(&all), &format!("{order:?}, {n} have left"));
        unlocked.extend(all[i].take().expect("each leaves once").leave(how(n)));
        assert!(!shares || (stats().unwrap().machines.locked != 0) == left(&all));
    }
    for Locker { end, handle, .. } in unlocked {
        drop(end);
        handle.join().unwrap();
    }
}

#[test]
fn l2_of_two_that_have_locked_a_thread_the_end_of_one_leaves_it_to_the_other_alone() {
    on_every_runtime(2, || {
        let ways = [Leave::Unlock, Leave::End, Leave::Goexit, Leave::Unwind];
        for order in orders(2) {
            for (first, second) in ways.iter().flat_map(|&a| ways.map(|b| (a, b))) {
                lock_and_leave(&order, |n| [first, second][n]);
            }
        }
    });
}

#[test]
fn l2_three_that_have_locked_a_thread_leave_it_in_any_order() {
    on_every_runtime(2, || {
        for (n, order) in orders(3).into_iter().enumerate() {
            lock_and_leave(&order, |_| Leave::End);
            lock_and_leave(&order, |_| Leave::Unlock);
            let mixed = [Leave::Unlock, Leave::Unwind, Leave::End, Leave::Goexit];
            lock_and_leave(&order, |i| mixed[(n + i) % 4]);
        }
    });
}

#[test]
fn l2_many_that_have_locked_a_thread_leave_it_one_by_one() {
    on_every_runtime(2, || {
        let order: Vec<_> = (0..12).map(|i| i * 5 % 12).collect();
        lock_and_leave(&order, |n| if n % 3 == 0 { Leave::End } else { Leave::Unlock });
    });
}

#[test]
fn l2_what_ends_or_waits_on_a_locked_thread_starts_nothing_new_there() {
    on_every_runtime(2, || {
        for parks in [false, true] {
            // On the pinned runtime with one P all of them are of one thread.
            let (start, starts) = channel::<()>(0);
            let (said, hear) = channel(2);
            let bystander = go(move || {
                starts.recv().unwrap();
                said.send(go(tid)).unwrap();
                if parks {
                    let _ = starts.recv();
                    said.send(go(tid)).unwrap();
                }
            });
            yield_now();
            let locker = Locker::start(1).pop().unwrap();
            start.send(()).unwrap();
            drop(start);
            bystander.join().unwrap();
            for new in hear.iter() {
                assert_ne!(new.join().unwrap(), locker.tid, "L2: a new goroutine");
            }
            assert!(locker.leave(Leave::End).is_none());
        }
    });
}

#[test]
fn l8_one_that_locks_again_after_others_have_left_is_alone() {
    on_every_runtime(1, || {
        // No thread is reserved yet, but on the exclusive runtime.
        let shares = stats().unwrap().machines.locked == 0;
        for round in 0..3 {
            let mut all = Locker::start(3);
            lock_os_thread();
            let last = all.pop().unwrap();
            for locker in all {
                assert!(locker.leave(Leave::End).is_none());
            }
            unlock_os_thread();
            new_ones_keep_off(&[last.tid], &format!("round {round}"));
            lock_os_thread();
            assert!(last.leave(Leave::Goexit).is_none());
            new_ones_keep_off(&[tid()], &format!("round {round}, main's"));
            unlock_os_thread();
            assert!(!shares || stats().unwrap().machines.locked == 0);
        }
    });
}
