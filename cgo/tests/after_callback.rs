//! When a callback has returned and C goes on: what it made ready runs, and the P of a thread that rests serves
//! the threads that wait for one.
//!
//! No test measures a time: C goes on until what must run meanwhile has run.

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use common::{Kind, on_each_kind, yield_until};
use g0_cgo::{call, call_blocking, callback};
use g0_sched::{Runtime, channel, go, lock_os_thread};
use threads::{alone, on_c_thread};

/// How long C waits for what must come at once.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs `main`, during which sysmon takes a P from a thread in C no more than `retakes` times, if there is one P:
/// with more it may look while another M is on its way.
fn run(kind: Kind, procs: usize, retakes: usize, main: impl FnOnce() + Send) {
    // Threads of C's own come to whichever runtime there is.
    let _alone = alone();
    let runtime = kind.with_procs(procs);
    let watch = runtime.watch();
    runtime.run(main).expect("main returns");
    let taken = watch.stats().retakes;
    assert!(procs > 1 || taken <= retakes as u64, "{taken} Ps were taken by looking around");
}

/// C goes on: it waits for `what`, and calls back no more.
fn c_goes_on<T>(what: &mpsc::Receiver<T>) -> T {
    let came = what.recv_timeout(LIMIT).expect("what a callback made ready waits for C to return");
    // Callbacks that come thick are another matter.
    std::thread::sleep(Duration::from_millis(1));
    came
}

#[test]
fn l11_what_a_callback_has_started_runs_while_c_goes_on() {
    on_each_kind(|kind, procs| {
        run(kind, procs, usize::MAX, || {
            for started in [1, 3] {
                let (tell, told) = mpsc::channel();
                call(|| {
                    callback((), || {
                        for _ in 0..started {
                            let tell = tell.clone();
                            drop(go(move || tell.send(()).unwrap()));
                        }
                    });
                    (0..started).for_each(|_| c_goes_on(&told));
                });
            }
        });
    });
}

#[test]
fn l11_what_a_callback_has_woken_runs_while_c_goes_on() {
    on_each_kind(|kind, procs| {
        // Bound to the thread that is in C it could not.
        if kind.is_pinned() {
            return;
        }
        run(kind, procs, 5, || {
            let (tx, rx) = channel::<u32>(1);
            let (tell, told) = mpsc::channel();
            let woken = go(move || (0..20).for_each(|_| tell.send(rx.recv().unwrap()).unwrap()));
            for i in 0..20 {
                call(|| {
                    callback((), || tx.send(i).unwrap());
                    assert_eq!(c_goes_on(&told), i);
                });
            }
            woken.join().unwrap();
        });
    });
}

#[test]
fn l11_what_waits_for_another_thread_runs_while_c_goes_on() {
    on_each_kind(|kind, procs| {
        run(kind, procs, usize::MAX, || {
            let (tx, rx) = channel::<u32>(1);
            let (tell, told) = mpsc::channel();
            // Bound to a thread of its own, which is not the one that is in C.
            let (elsewhere, at_home) = mpsc::channel();
            let locked = go(move || {
                lock_os_thread();
                elsewhere.send(common::tid()).unwrap();
                tell.send(rx.recv().unwrap()).unwrap();
            });
            let theirs = call_blocking(|| at_home.recv_timeout(LIMIT).unwrap());
            if theirs != common::tid() {
                call(|| {
                    callback((), || tx.send(7).unwrap());
                    assert_eq!(c_goes_on(&told), 7);
                });
            } else {
                tx.send(7).unwrap();
            }
            locked.join().unwrap();
        });
    });
}

#[test]
fn l11_many_callbacks_in_a_row_leave_nothing_behind() {
    on_each_kind(|kind, procs| {
        run(kind, procs, usize::MAX, || {
            let ran = Arc::new(AtomicUsize::new(0));
            let (tell, told) = mpsc::channel();
            call(|| {
                for last in (0..100).rev() {
                    callback((), || {
                        let (ran, tell) = (ran.clone(), (last == 0).then(|| tell.clone()));
                        drop(go(move || {
                            ran.fetch_add(1, Ordering::SeqCst);
                            if let Some(tell) = tell {
                                tell.send(()).unwrap();
                            }
                        }));
                    });
                }
                c_goes_on(&told);
            });
            yield_until("all have run", || ran.load(Ordering::SeqCst) == 100);
        });
    });
}

#[test]
fn l11_a_thread_of_cs_own_leaves_what_it_made_ready_and_its_p() {
    on_each_kind(|kind, procs| {
        run(kind, procs, usize::MAX, || {
            on_c_thread(|| {
                let (tell, told) = mpsc::channel();
                callback((), || drop(go(move || tell.send(()).unwrap())));
                c_goes_on(&told);
            });
        });
    });
}

/// Threads of C's own call back and then rest, each until all have done so: more than there are Ps.
#[test]
fn l11_threads_that_rest_keep_no_p_from_those_that_call_back() {
    on_each_kind(|kind, procs| {
        run(kind, procs, 20, || {
            const THREADS: usize = 6;
            call_blocking(|| {
                let all = Arc::new(Barrier::new(THREADS));
                std::thread::scope(|scope| {
                    for _ in 0..THREADS {
                        let all = all.clone();
                        scope.spawn(move || {
                            for _ in 0..10 {
                                assert!(callback(false, || true), "a callback was refused");
                                all.wait();
                            }
                        });
                    }
                });
            });
        });
    });
}

/// The same of goroutines in calls that last, each on a thread of its own.
#[test]
fn l11_goroutines_in_calls_that_last_rest_without_a_p_that_is_waited_for() {
    on_each_kind(|kind, procs| {
        run(kind, procs, 20, || {
            const GOROUTINES: usize = 4;
            // On the pinned runtime two that share a thread would wait for each other in C.
            let n = if kind.is_pinned() { 1 } else { GOROUTINES };
            let all = Arc::new(Barrier::new(n));
            let loops = (0..n).map(|_| {
                let all = all.clone();
                go(move || {
                    call_blocking(|| {
                        for i in 0..10 {
                            assert_eq!(callback(0, move || i + 1), i + 1);
                            all.wait();
                        }
                    });
                })
            });
            let loops: Vec<_> = loops.collect();
            loops.into_iter().for_each(|each| each.join().unwrap());
        });
    });
}

/// A thread rests with the only P, and will not come back before another goroutine has.
#[test]
fn l11_a_goroutine_that_comes_back_from_c_finds_the_p_of_a_thread_that_rests() {
    on_each_kind(|kind, procs| {
        run(kind, procs, usize::MAX, || {
            let (rested, rests) = mpsc::channel();
            let (back, is_back) = mpsc::channel();
            let thread = call_blocking(|| {
                let thread = std::thread::spawn(move || {
                    for _ in 0..10 {
                        callback((), || ());
                    }
                    rested.send(()).unwrap();
                    is_back.recv_timeout(LIMIT).expect("a thread that rests keeps the only P");
                });
                rests.recv_timeout(LIMIT).unwrap();
                thread
            });
            back.send(()).unwrap();
            call_blocking(|| thread.join().unwrap());
        });
    });
}

/// How closely a waiter looks is the runtime's matter, not the number of fences: they are few.
#[test]
fn threads_that_call_back_in_turns_cost_few_fences() {
    let _alone = alone();
    let runtime: Runtime = common::Threads::Migrating.build(Runtime::builder().procs(1));
    let watch = runtime.watch();
    let main = || {
        call_blocking(|| {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..5_000).for_each(|_| callback((), || ())));
                }
            });
        });
    };
    runtime.run(main).expect("main returns");
    let fences = watch.stats().heavy_fences;
    assert!(fences < 4_000, "{fences} fences for 20,000 callbacks");
}
