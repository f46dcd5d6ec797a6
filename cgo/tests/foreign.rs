//! Threads that C has started call back: their closures run as goroutines, on Ms that they keep until they
//! end.

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{on_each_kind, on_every_runtime, quiet_panic, tid, yield_until};
use g0_cgo::{call, call_blocking, callback, try_callback};
use g0_sched::{
    Runtime, channel, current, go, lock_os_thread, os_thread_locked, stats, unlock_os_thread,
    yield_now,
};
use threads::{CThread, alone, is_bound, machine, on_c_thread};

#[test]
fn a_callback_from_a_c_thread_is_goroutine_code() {
    let _alone = alone();
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u64>(0);
        let (back, answer) = channel::<u64>(0);
        let echo = go(move || {
            for value in &rx {
                back.send(value + 1).unwrap();
            }
        });
        on_c_thread(move || {
            assert!(!is_bound());
            for i in 0..20 {
                let thread = tid();
                let sum = callback(0, || {
                    assert!(os_thread_locked());
                    assert!(current().is_some());
                    tx.send(i).unwrap();
                    let value = answer.recv().unwrap();
                    yield_now();
                    let half = go(move || value / 2).join().unwrap();
                    assert_eq!(tid(), thread, "it stays on C's thread");
                    value + half
                });
                assert_eq!(sum, i + 1 + i.div_ceil(2));
                assert!(is_bound());
            }
            // Goroutine code or not, the sender goes with its thread.
            drop(tx);
        });
        echo.join().unwrap();
    });
}

#[test]
fn ten_threads_of_six_callbacks_each_add_up() {
    let _alone = alone();
    on_every_runtime(2, || {
        static SUM: AtomicUsize = AtomicUsize::new(0);
        SUM.store(0, Ordering::SeqCst);
        call_blocking(|| {
            let add = |i| callback((), || _ = SUM.fetch_add(i, Ordering::SeqCst));
            let thread = |_| CThread::new(move || (0..6).for_each(add));
            let all: Vec<_> = (0..10).map(thread).collect();
            all.into_iter().for_each(CThread::join);
        });
        assert_eq!(SUM.load(Ordering::SeqCst), 10 * 15);
    });
}

#[test]
fn l7_every_callback_of_a_thread_has_the_same_machine_and_no_two_threads_have_one() {
    let _alone = alone();
    on_every_runtime(2, || {
        let machines = Arc::new(Mutex::new(Vec::new()));
        let theirs = machines.clone();
        call_blocking(move || {
            let all_came = Arc::new(std::sync::Barrier::new(8));
            let thread = |_| {
                let (machines, all_came) = (theirs.clone(), all_came.clone());
                CThread::new(move || {
                    let first = callback(0, machine);
                    assert_ne!(first, 0);
                    all_came.wait();
                    for _ in 0..200 {
                        assert_eq!(callback(0, machine), first);
                    }
                    machines.lock().unwrap().push(first);
                    all_came.wait();
                })
            };
            let all: Vec<_> = (0..8).map(thread).collect();
            all.into_iter().for_each(CThread::join);
        });
        let machines = machines.lock().unwrap();
        let different: BTreeSet<_> = machines.iter().collect();
        assert_eq!((machines.len(), different.len()), (8, 8));
    });
}

#[test]
fn two_successive_threads_get_the_same_machine() {
    let _alone = alone();
    on_every_runtime(2, || {
        let machine_of_a_thread = || {
            let (tx, rx) = std::sync::mpsc::channel();
            on_c_thread(move || tx.send(callback(0, machine)).unwrap());
            rx.recv().unwrap()
        };
        // Until the watcher has made the spare one that the first of all threads asks for, the next may
        // be given that one.
        let mut last = machine_of_a_thread();
        let mut same = 0;
        while same < 10 {
            let next = machine_of_a_thread();
            same = if next == last { same + 1 } else { 0 };
            last = next;
        }
    });
}

#[test]
fn the_goroutine_of_a_foreign_thread_counts_only_while_it_runs() {
    let _alone = alone();
    on_every_runtime(2, || {
        let goroutines = || stats().unwrap().goroutines;
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let (at, reached) = std::sync::mpsc::channel::<&str>();
        let before = goroutines().all();
        let thread = CThread::new(move || {
            assert_eq!(callback(0, || stats().unwrap().goroutines.all()), 2);
            at.send("bound").unwrap();
            wait.recv().unwrap();
            callback((), || {
                at.send("within").unwrap();
                wait.recv().unwrap();
            });
            at.send("again").unwrap();
            wait.recv().unwrap();
        });
        let step = |expected| assert_eq!(call_blocking(|| reached.recv().unwrap()), expected);
        step("bound");
        assert_eq!(goroutines().all(), before, "bound, it is in code of its own");
        assert_eq!(goroutines().foreign, 0);
        assert_eq!(stats().unwrap().machines.foreign, 1, "and its M in foreign code");
        go_on.send(()).unwrap();
        step("within");
        assert_eq!(goroutines().all(), before + 1);
        go_on.send(()).unwrap();
        step("again");
        assert_eq!(goroutines().all(), before);
        go_on.send(()).unwrap();
        call_blocking(|| thread.join());
        assert_eq!(stats().unwrap().machines.foreign, 0, "a spare M is nobody's");
    });
}

#[test]
fn hundreds_of_threads_at_once() {
    const THREADS: usize = 300;
    let _alone = alone();
    on_every_runtime(2, || {
        let sum = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = channel::<usize>(0);
        let adder = go({
            let sum = sum.clone();
            move || rx.iter().for_each(|n| _ = sum.fetch_add(n, Ordering::SeqCst))
        });
        call_blocking(move || {
            let here = Arc::new(std::sync::Barrier::new(THREADS));
            let thread = |n| {
                let (tx, here) = (tx.clone(), here.clone());
                CThread::new(move || {
                    // All have an M at the same time.
                    callback((), || tx.send(n).unwrap());
                    here.wait();
                    (0..5).for_each(|_| callback((), || tx.send(1).unwrap()));
                })
            };
            let all: Vec<_> = (0..THREADS).map(thread).collect();
            all.into_iter().for_each(CThread::join);
        });
        adder.join().unwrap();
        assert_eq!(sum.load(Ordering::SeqCst), THREADS * (THREADS - 1) / 2 + THREADS * 5);
    });
}

#[test]
fn threads_that_come_and_go_leave_nothing() {
    let _alone = alone();
    on_every_runtime(2, || {
        let count = Arc::new(AtomicUsize::new(0));
        let round = |count: &Arc<AtomicUsize>| {
            let count = count.clone();
            call_blocking(move || {
                let thread = |_| {
                    let count = count.clone();
                    CThread::new(move || {
                        callback((), || {
                            yield_now();
                            count.fetch_add(1, Ordering::SeqCst);
                        });
                    })
                };
                let all: Vec<_> = (0..4).map(thread).collect();
                all.into_iter().for_each(CThread::join);
            });
        };
        for _ in 0..100 {
            round(&count);
        }
        assert_eq!(count.load(Ordering::SeqCst), 400);
        assert_eq!(stats().unwrap().machines.foreign, 0);
    });
}

#[test]
fn a_panic_recovered_inside_the_callback_ends_no_call() {
    let _alone = alone();
    on_every_runtime(2, || {
        on_c_thread(|| {
            for i in 0..100 {
                let seen = callback(-1, || {
                    let caught = catch_unwind(AssertUnwindSafe(|| quiet_panic("mine")));
                    assert!(caught.is_err());
                    yield_now();
                    i
                });
                assert_eq!(seen, i, "C gets the value, not the default");
            }
            // Locks as at the first callback: one, which is the M's own.
            callback((), || {
                let handle = g0_sched::bridge::here::<g0_sched::Hosted>();
                let g0_sched::bridge::CallerContext::Goroutine(handle) = handle else {
                    panic!("not there")
                };
                // SAFETY: the running goroutine's handle.
                let counts = unsafe { handle.locks() };
                assert_eq!((counts.external, counts.outer, counts.internal), (0, 0, 2));
            });
        });
    });
}

#[test]
fn calls_and_callbacks_nest_on_a_foreign_thread() {
    fn nest(depth: u64) -> u64 {
        if depth == 0 {
            yield_now();
            return 0;
        }
        call(|| {
            let mine = std::hint::black_box(depth);
            callback(0, || nest(depth - 1)) + std::hint::black_box(mine)
        })
    }
    let _alone = alone();
    on_every_runtime(2, || {
        let others: Vec<_> = (0..3).map(|_| go(|| (0..200).for_each(|_| yield_now()))).collect();
        on_c_thread(|| {
            for depth in [0, 1, 16, 40] {
                assert_eq!(callback(1, || nest(depth)), depth * (depth + 1) / 2);
            }
        });
        others.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn between_callbacks_the_thread_is_an_ordinary_one() {
    let _alone = alone();
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let sum = go(move || rx.iter().sum::<u32>());
        on_c_thread(move || {
            tx.send(1).unwrap();
            callback((), || tx.send(2).unwrap());
            assert!(is_bound());
            // As before the first callback: no goroutine, so the thread blocks.
            assert!(current().is_none());
            assert!(!os_thread_locked());
            tx.send(3).unwrap();
            lock_os_thread();
            unlock_os_thread();
            assert!(g0_sched::try_go(|| ()).is_err());
            assert_eq!(call(|| 7), 7, "a call just runs there");
            assert_eq!(g0_cgo::call_leaf(0, || 8), 8);
            callback((), || assert_eq!(call(|| 9), 9));
        });
        assert_eq!(sum.join().unwrap(), 6);
    });
}

#[test]
fn locks_that_a_callback_leaves_go_with_the_thread() {
    let _alone = alone();
    on_every_runtime(2, || {
        let external = || {
            let here = g0_sched::bridge::here::<g0_sched::Hosted>();
            let g0_sched::bridge::CallerContext::Goroutine(handle) = here else {
                panic!("not there")
            };
            // SAFETY: the running goroutine's handle.
            unsafe { handle.locks() }.external
        };
        for _ in 0..4 {
            on_c_thread(move || {
                callback((), || {
                    assert_eq!(external(), 0, "the last thread's locks are not ours");
                    lock_os_thread();
                    (0..3).for_each(|_| unlock_os_thread());
                    assert!(os_thread_locked(), "the thread is C's");
                    lock_os_thread();
                });
                callback((), yield_now);
            });
        }
    });
}

#[test]
fn errno_is_cs_before_and_after() {
    // SAFETY: it only gives the address.
    let errno = || unsafe { libc::__errno_location() };
    let _alone = alone();
    on_every_runtime(2, move || {
        on_c_thread(move || {
            for _ in 0..20 {
                // SAFETY: this thread's.
                unsafe { *errno() = libc::EDOM };
                callback((), || {
                    // SAFETY: as above.
                    unsafe { *errno() = libc::EXDEV };
                    yield_now();
                    // SAFETY: as above.
                    call(|| unsafe { *errno() = libc::ERANGE });
                });
                // SAFETY: as above.
                assert_eq!(unsafe { *errno() }, libc::EDOM);
            }
        });
    });
}

#[test]
fn l19_with_one_p_a_callback_waits_for_the_goroutine_that_runs() {
    let _alone = alone();
    common::on_each_kind(|kind, _| {
        // Nor is it evicted, however long the system lets its thread wait.
        kind.build(g0_sched::Runtime::builder().procs(1).max_evicted(0))
            .run(|| {
                let (inside, seen) =
                    (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
                let stop = Arc::new(AtomicBool::new(false));
                let thread = {
                    let (inside, seen, stop) = (inside.clone(), seen.clone(), stop.clone());
                    CThread::new(move || {
                        while !stop.load(Ordering::SeqCst) {
                            callback((), || {
                                seen.fetch_add(1, Ordering::SeqCst);
                                assert!(!inside.load(Ordering::SeqCst), "two goroutines on one P");
                            });
                        }
                    })
                };
                for _ in 0..20 {
                    inside.store(true, Ordering::SeqCst);
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(20) {}
                    inside.store(false, Ordering::SeqCst);
                    yield_now();
                }
                yield_until("it has its turn", || seen.load(Ordering::SeqCst) > 0);
                stop.store(true, Ordering::SeqCst);
                call_blocking(|| thread.join());
            })
            .unwrap();
    });
}

#[test]
fn what_a_callback_makes_ready_runs_while_c_sleeps() {
    const NAP: Duration = Duration::from_secs(1);
    const SOON: Duration = Duration::from_millis(50);
    /// Makes a goroutine ready, lets C sleep, and says how long it took the goroutine to run.
    fn nap_of_c(done: &Arc<Mutex<Option<Instant>>>) -> Instant {
        let theirs = done.clone();
        callback((), move || drop(go(move || *theirs.lock().unwrap() = Some(Instant::now()))));
        let back = Instant::now();
        std::thread::sleep(NAP);
        back
    }
    type Nap<'a> = &'a dyn Fn(&Arc<Mutex<Option<Instant>>>) -> Instant;
    let _alone = alone();
    for kind in common::KINDS {
        common::bounded("C sleeps", move || {
            // On a machine that is busy with other things a thread may have to wait for a processor.
            let check = |what: &str, nap: Nap<'_>| {
                let took = (0..3).map(|_| {
                    let done = Arc::new(Mutex::new(None));
                    let back = nap(&done);
                    let ran = done.lock().unwrap().expect("it ran while C slept");
                    ran.saturating_duration_since(back)
                });
                assert!(took.clone().any(|took| took < SOON), "{kind:?}: {what}: {took:?}");
            };
            kind.with_procs(1)
                .run(move || {
                    check("a goroutine's own callback", &|done| call(|| nap_of_c(done)));
                    check("a foreign thread's", &|done| {
                        let (tx, rx) = std::sync::mpsc::channel();
                        let theirs = done.clone();
                        on_c_thread(move || tx.send(nap_of_c(&theirs)).unwrap());
                        rx.recv().unwrap()
                    });
                })
                .unwrap();
        });
    }
}

#[test]
fn a_thread_that_is_silent_does_not_keep_the_p() {
    let _alone = alone();
    common::on_each_kind(|kind, _| {
        kind.with_procs(1)
            .run(|| {
                let (tx, rx) = std::sync::mpsc::channel::<()>();
                let (up, is_up) = std::sync::mpsc::channel::<()>();
                let thread = CThread::new(move || {
                    callback((), || ());
                    up.send(()).unwrap();
                    // It owns the only P, and sleeps.
                    let _ = rx.recv();
                    callback((), yield_now);
                });
                call_blocking(|| is_up.recv().unwrap());
                for _ in 0..3 {
                    go(yield_now).join().unwrap();
                }
                drop(tx);
                call_blocking(|| thread.join());
            })
            .unwrap();
    });
}

#[test]
fn try_callback_gives_the_value() {
    let _alone = alone();
    on_every_runtime(2, || {
        on_c_thread(|| assert_eq!(try_callback(|| 6 * 7), Ok(42)));
        assert_eq!(call(|| try_callback(|| 6 * 7)), Ok(42));
    });
}

#[test]
fn signals_before_at_and_after_the_first_callback_do_no_harm() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn handler(_: libc::c_int) {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: a handler that keeps to what handlers may do.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()), 0);
    }
    let _alone = alone();
    on_every_runtime(2, || {
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let stop = Arc::new(AtomicBool::new(false));
            let (theirs, count) = (stop.clone(), count.clone());
            let thread = CThread::new(move || {
                while !theirs.load(Ordering::SeqCst) {
                    callback((), || {
                        yield_now();
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
            for _ in 0..50 {
                // SAFETY: the thread has not been joined.
                assert_eq!(unsafe { libc::pthread_kill(thread.id(), libc::SIGUSR2) }, 0);
                yield_now();
            }
            stop.store(true, Ordering::SeqCst);
            call_blocking(|| thread.join());
        }
        assert!(SEEN.load(Ordering::Relaxed) > 0);
    });
}

/// Returns the calling thread's signal stack: its lowest byte, if there is one.
fn signal_stack() -> Option<usize> {
    // SAFETY: zeros are a valid `stack_t`, and the call only fills it.
    let stack = unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(std::ptr::null(), &raw mut stack), 0);
        stack
    };
    (stack.ss_flags & libc::SS_DISABLE == 0).then_some(stack.ss_sp.addr())
}

#[test]
fn a_bound_thread_has_a_signal_stack_and_keeps_one_of_its_own() {
    let _alone = alone();
    on_every_runtime(2, || {
        on_c_thread(|| {
            assert_eq!(signal_stack(), None, "threads of C have none");
            let inside = callback(None, signal_stack);
            assert!(inside.is_some(), "an overflow in a callback would not be reported");
            assert_eq!(signal_stack(), inside, "it is lent until the thread ends");
            assert_eq!(callback(None, signal_stack), inside);
        });
        on_c_thread(|| {
            let mut own = vec![0_u8; 64 << 10];
            let ss_sp = own.as_mut_ptr();
            let stack = libc::stack_t { ss_sp: ss_sp.cast(), ss_flags: 0, ss_size: own.len() };
            // SAFETY: the memory stays until it is taken off again below.
            unsafe {
                assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
                assert_eq!(callback(None, signal_stack), Some(ss_sp.addr()));
                assert_eq!(signal_stack(), Some(ss_sp.addr()));
                let off = libc::stack_t { ss_flags: libc::SS_DISABLE, ..stack };
                assert_eq!(libc::sigaltstack(&raw const off, std::ptr::null_mut()), 0);
            }
            callback((), yield_now);
        });
    });
}

#[test]
fn each_callback_of_a_thread_is_told_of_with_the_depth_of_the_deepest() {
    #[inline(never)]
    fn uses<const BYTES: usize>() {
        std::hint::black_box(&mut [1_u8; BYTES]);
    }

    let _alone = alone();
    on_each_kind(|kind, procs| {
        let runtime = kind.build(Runtime::builder().procs(procs).measure_stacks(true));
        let watch = runtime.watch();
        let told = || watch.stack_use().into_iter().find(|stats| stats.name == "foreign thread");
        runtime
            .run(|| {
                on_c_thread(|| callback((), uses::<{ 3 << 10 }>));
                let flat = told().expect("a callback is over");
                assert_eq!(flat.ended, 1, "{flat}");
                assert!((3 << 10..20 << 10).contains(&flat.stack), "{flat}");
                on_c_thread(|| {
                    callback((), uses::<{ 90 << 10 }>);
                    callback((), yield_now);
                });
                let deep = told().expect("three callbacks are over");
                assert_eq!(deep.ended, 3, "{deep}");
                assert!((90 << 10..110 << 10).contains(&deep.stack), "{deep}");
            })
            .unwrap();
    });
}
