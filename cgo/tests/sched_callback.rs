//! Callbacks on the scheduler: goroutine code below C's frames, on the thread that C runs on.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{on_every_runtime, tid, yield_until};
use g0_cgo::{call, callback};
use g0_sched::{
    channel, current, go, lock_os_thread, os_thread_locked, park, unlock_os_thread, yield_now,
};

/// C that calls back `times` times, and has state of its own in its frame meanwhile.
extern "C" fn in_turn(times: c_int, back: extern "C" fn(c_int) -> c_int) -> c_int {
    let locals: [c_int; 64] = black_box(std::array::from_fn(|i| i as c_int));
    let thread = tid();
    let mut sum = 0;
    for i in 0..times {
        sum += back(i);
        assert_eq!(black_box(&locals).iter().sum::<c_int>(), 63 * 32);
        assert_eq!(tid(), thread, "C stays where it is");
    }
    sum
}

#[test]
fn c_sees_one_thread_over_a_thousand_yields() {
    extern "C" fn back(i: c_int) -> c_int {
        callback(-1, || {
            let thread = tid();
            yield_now();
            assert_eq!(tid(), thread);
            assert!(os_thread_locked());
            i
        })
    }
    on_every_runtime(2, || {
        let hogs: Vec<_> = (0..3).map(|_| go(|| (0..1000).for_each(|_| yield_now()))).collect();
        assert_eq!(call(|| in_turn(1000, back)), 999 * 500);
        assert!(!os_thread_locked());
        hogs.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn a_callback_parks_and_a_partner_wakes_it() {
    on_every_runtime(2, || {
        let all: Vec<_> = (0..10u64)
            .map(|n| {
                go(move || {
                    let (ask, asked) = channel::<u64>(0);
                    let (answer, answered) = channel::<u64>(0);
                    let partner = go(move || {
                        for value in &asked {
                            yield_now();
                            answer.send(value + 1).unwrap();
                        }
                    });
                    let sum = call(|| {
                        let local = black_box(n);
                        let mut sum = 0;
                        for i in 0..20 {
                            sum += callback(0, || {
                                ask.send(i).unwrap();
                                answered.recv().unwrap()
                            });
                        }
                        sum + black_box(local)
                    });
                    drop(ask);
                    partner.join().unwrap();
                    assert_eq!(sum, 210 + n);
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn a_callback_parks_until_it_is_unparked() {
    on_every_runtime(2, || {
        let woken = call(|| {
            callback(false, || {
                let me = current().expect("a goroutine");
                let flag = Arc::new(AtomicBool::new(false));
                let theirs = flag.clone();
                let waker = go(move || {
                    theirs.store(true, Ordering::SeqCst);
                    me.unpark();
                });
                park();
                waker.join().unwrap();
                flag.load(Ordering::SeqCst)
            })
        });
        assert!(woken);
    });
}

fn nest(depth: u32) -> u64 {
    extern "C" fn c(depth: u32, back: extern "C" fn(u32) -> u64) -> u64 {
        let local = black_box(u64::from(depth));
        back(depth - 1) + black_box(local)
    }
    extern "C" fn back(depth: u32) -> u64 {
        callback(0, || {
            let thread = tid();
            yield_now();
            let value = nest(depth);
            assert_eq!(tid(), thread);
            value
        })
    }
    if depth == 0 { 0 } else { call(|| c(depth, back)) }
}

#[test]
fn l17_calls_and_callbacks_nest_64_deep() {
    on_every_runtime(2, || {
        assert_eq!(nest(64), 64 * 65 / 2);
        assert!(!os_thread_locked());
        let all: Vec<_> = (0..6).map(|n| go(move || nest(58 + n))).collect();
        for (n, handle) in (58u64..).zip(all) {
            assert_eq!(handle.join().unwrap(), n * (n + 1) / 2);
        }
    });
}

#[test]
fn l8_the_users_locks_do_not_undo_the_callbacks() {
    on_every_runtime(2, || {
        for mine in [0, 2] {
            (0..mine).for_each(|_| lock_os_thread());
            call(|| {
                let thread = tid();
                callback((), || {
                    lock_os_thread();
                    unlock_os_thread();
                    (0..3).for_each(|_| unlock_os_thread());
                    assert!(os_thread_locked(), "the callback's own lock stays");
                    let other = go(tid);
                    (0..20).for_each(|_| yield_now());
                    assert_eq!(tid(), thread);
                    other.join().unwrap();
                });
                assert_eq!(tid(), thread);
            });
            assert_eq!(os_thread_locked(), mine != 0);
            (0..mine).for_each(|_| unlock_os_thread());
            assert!(!os_thread_locked());
        }
    });
}

#[test]
fn a_lock_taken_in_a_callback_outlives_it() {
    on_every_runtime(2, || {
        let thread = call(|| {
            callback((), lock_os_thread);
            tid()
        });
        assert!(os_thread_locked());
        (0..20).for_each(|_| yield_now());
        assert_eq!(tid(), thread);
        unlock_os_thread();
        assert!(!os_thread_locked());
    });
}

#[test]
fn an_unlock_in_a_callback_does_not_undo_a_lock_from_outside_it() {
    on_every_runtime(2, || {
        lock_os_thread();
        lock_os_thread();
        let thread = tid();
        call(|| {
            callback((), || {
                (0..3).for_each(|_| unlock_os_thread());
                lock_os_thread();
                call(|| callback((), unlock_os_thread));
                unlock_os_thread();
                unlock_os_thread();
                yield_now();
                assert!(os_thread_locked());
            });
        });
        unlock_os_thread();
        assert!(os_thread_locked(), "one of two locks is left");
        (0..20).for_each(|_| yield_now());
        assert_eq!(tid(), thread);
        unlock_os_thread();
        assert!(!os_thread_locked());
    });
}

/// `errno` of this thread.
fn errno() -> *mut c_int {
    // SAFETY: it only gives the address.
    unsafe { libc::__errno_location() }
}

#[test]
fn errno_is_cs_before_and_after_a_callback() {
    on_every_runtime(2, || {
        // SAFETY: errno is this thread's; nothing runs between its two uses but ourselves.
        let noise = || call(|| unsafe { *errno() = libc::EXDEV });
        let hogs: Vec<_> = (0..4)
            .map(|_| {
                go(move || {
                    for _ in 0..50 {
                        noise();
                        yield_now();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            let seen = call(|| {
                // SAFETY: as above.
                unsafe { *errno() = libc::EDOM };
                callback((), || {
                    noise();
                    (0..5).for_each(|_| yield_now());
                });
                // SAFETY: as above.
                unsafe { *errno() }
            });
            assert_eq!(seen, libc::EDOM);
        }
        hogs.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn qsort_sorts_while_its_comparator_gives_way() {
    extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
        // SAFETY: qsort passes elements.
        let (a, b) = unsafe { (*a.cast::<u32>(), *b.cast::<u32>()) };
        callback(0, || {
            yield_now();
            a.cmp(&b) as c_int
        })
    }
    on_every_runtime(2, || {
        let all: Vec<_> = (0..4u32)
            .map(|n| {
                go(move || {
                    let mut values: Vec<u32> =
                        (0..300u32).map(|i| (i + n).wrapping_mul(2_654_435_761)).collect();
                    let mut expected = values.clone();
                    expected.sort_unstable();
                    // SAFETY: the elements are there, and the comparator takes such.
                    call(|| unsafe {
                        libc::qsort(values.as_mut_ptr().cast(), values.len(), 4, Some(compare))
                    });
                    assert_eq!(values, expected);
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn l19_a_callback_waits_for_a_proc_when_its_own_was_taken() {
    on_every_runtime(2, || {
        let stop = Arc::new(AtomicBool::new(false));
        let (ran, came) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let caller = {
            let (stop, came) = (stop.clone(), came.clone());
            go(move || {
                call(|| {
                    for _ in 0..5 {
                        // Long enough for the P to be taken: the busy goroutines get on meanwhile.
                        std::thread::sleep(Duration::from_millis(15));
                        callback((), || {
                            came.fetch_add(1, Ordering::SeqCst);
                            yield_now();
                        });
                    }
                });
                stop.store(true, Ordering::SeqCst);
            })
        };
        let busy: Vec<_> = (0..3)
            .map(|_| {
                let (stop, ran) = (stop.clone(), ran.clone());
                go(move || {
                    while !stop.load(Ordering::SeqCst) {
                        ran.fetch_add(1, Ordering::SeqCst);
                        yield_now();
                    }
                })
            })
            .collect();
        caller.join().unwrap();
        assert_eq!(came.load(Ordering::SeqCst), 5);
        busy.into_iter().for_each(|h| h.join().unwrap());
        assert!(ran.load(Ordering::SeqCst) > 0, "the others ran");
    });
}

#[test]
fn callbacks_use_the_heap_and_start_goroutines() {
    extern "C" fn back(i: c_int) -> c_int {
        callback(-1, || {
            let text = format!("{i} {i:?}");
            let other = go(move || text.len() as c_int);
            if i % 10 == 0 {
                return other.join().unwrap();
            }
            drop(other);
            vec![i; 100].len() as c_int
        })
    }
    on_every_runtime(2, || {
        assert!(call(|| in_turn(500, back)) > 45_000);
        let ended = Arc::new(AtomicUsize::new(0));
        let theirs = ended.clone();
        drop(go(move || theirs.fetch_add(1, Ordering::SeqCst)));
        yield_until("others go on", || ended.load(Ordering::SeqCst) == 1);
    });
}

/// On the pinned runtime with one P two goroutines are of one thread: one is in a callback there, the other has
/// locked it. As long as either has the thread, nothing new begins there, whichever leaves first and how.
#[test]
fn l2_a_callback_and_a_lock_of_one_thread_leave_it_in_any_order() {
    fn new_ones_keep_off(taken: &[i32], what: &str) {
        let all = [(); 3].map(|()| {
            go(|| {
                yield_now();
                tid()
            })
        });
        for there in all.into_iter().map(|one| one.join().unwrap()) {
            assert!(!taken.contains(&there), "L2: a new goroutine on a locked thread: {what}");
        }
    }
    on_every_runtime(2, || {
        for (first, ends_locked) in [(0, false), (0, true), (1, false), (1, true)] {
            let [(start_call, calling), (start_lock, locking)] = [(); 2].map(|()| channel::<()>(0));
            let [(end_callback, callback_ends), (end_lock, lock_ends)] =
                [(); 2].map(|()| channel::<()>(0));
            let (said, hear) = channel::<i32>(0);
            let tell = said.clone();
            let calls = go(move || {
                tell.send(0).unwrap();
                calling.recv().unwrap();
                let thread = call(|| {
                    callback(0, || {
                        assert!(os_thread_locked());
                        tell.send(tid()).unwrap();
                        callback_ends.recv().unwrap();
                        tid()
                    })
                });
                assert!(!os_thread_locked());
                thread
            });
            hear.recv().unwrap();
            let locks = go(move || {
                said.send(0).unwrap();
                locking.recv().unwrap();
                lock_os_thread();
                said.send(tid()).unwrap();
                lock_ends.recv().unwrap();
                assert!(os_thread_locked());
                if !ends_locked {
                    unlock_os_thread();
                }
                tid()
            });
            hear.recv().unwrap();
            start_call.send(()).unwrap();
            let there = hear.recv().unwrap();
            start_lock.send(()).unwrap();
            let taken = [there, hear.recv().unwrap()];
            let what = format!("{first} first, the other ends locked: {ends_locked}");
            new_ones_keep_off(&taken, &what);
            let mut left = [Some((end_callback, calls)), Some((end_lock, locks))];
            for (n, i) in [first, 1 - first].into_iter().enumerate() {
                let (end, one) = left[i].take().unwrap();
                end.send(()).unwrap();
                assert_eq!(one.join().unwrap(), taken[i]);
                if n == 0 {
                    new_ones_keep_off(&taken[1 - i..2 - i], &what);
                }
            }
        }
    });
}
