//! The end of a run meets goroutines that are in a callback: they are unwound as far as C, which gets the default and
//! returns by itself (L17, L25).

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::count::Count;
use common::{on_each_kind, yield_until};
use g0_cgo::{CallbackError, call, call_blocking, callback, callback_unwind, try_callback};
use g0_sched::{channel, go, goexit, park, yield_now};

fn wait_for_ever() -> ! {
    loop {
        park();
    }
}

#[test]
fn l25_one_that_waits_in_callbacks_is_unwound_and_c_gets_each_default() {
    on_each_kind(|kind, procs| {
        for depth in 1..=3 {
            fn deeper(depth: usize, values: &Count, returned: &AtomicUsize, waits: &dyn Fn()) {
                let _value = values.one();
                if depth == 0 {
                    waits();
                    wait_for_ever();
                }
                let got = call(|| {
                    let got = callback(depth, || {
                        deeper(depth - 1, values, returned, waits);
                        0
                    });
                    assert_eq!(got, depth, "C has another value than the default");
                    returned.fetch_add(1, Ordering::SeqCst);
                    got
                });
                unreachable!("the call returned {got}");
            }
            let (values, returned) = (Count::new(), Arc::new(AtomicUsize::new(0)));
            let (theirs, calls) = (values.clone(), returned.clone());
            let ended = kind.with_procs(procs).run_counted(move || {
                let (up, is_up) = channel(1);
                drop(go(move || deeper(depth, &theirs, &calls, &|| up.send(()).unwrap())));
                is_up.recv().unwrap();
            });
            let ended = ended.unwrap();
            assert_eq!((ended.left_behind, ended.threads_left), (0, 0), "{depth} callbacks deep");
            assert_eq!(returned.load(Ordering::SeqCst), depth, "C has returned");
            values.assert_all_dropped(depth + 1);
        }
    });
}

#[test]
fn l25_one_that_runs_in_a_callback_is_unwound_where_it_may_wait() {
    on_each_kind(|kind, procs| {
        let values = Count::new();
        let theirs = values.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            let (up, is_up) = channel(1);
            drop(go(move || {
                let _value = theirs.one();
                call_blocking(|| {
                    let seen = try_callback(|| {
                        up.send(()).unwrap();
                        loop {
                            yield_now();
                        }
                    });
                    assert_eq!(seen, Err(CallbackError::Panicked));
                });
                unreachable!("the goroutine goes on after the end of the run");
            }));
            is_up.recv().unwrap();
        });
        let ended = ended.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (0, 0));
        values.assert_all_dropped(1);
    });
}

#[test]
fn c_may_call_back_and_wait_while_its_goroutine_is_ending() {
    on_each_kind(|kind, procs| {
        let seen = Arc::new(AtomicUsize::new(0));
        let theirs = seen.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            let (up, is_up) = channel(1);
            drop(go(move || {
                call(|| {
                    callback((), || {
                        up.send(()).unwrap();
                        wait_for_ever();
                    });
                    // C frees its data through goroutine code, which waits for what another thread does.
                    let freed = callback(0, || {
                        let done = AtomicBool::new(false);
                        std::thread::scope(|scope| {
                            scope.spawn(|| done.store(true, Ordering::SeqCst));
                            yield_until("the other thread is done", || done.load(Ordering::SeqCst));
                        });
                        7
                    });
                    theirs.store(freed, Ordering::SeqCst);
                });
                unreachable!("the goroutine goes on after the end of the run");
            }));
            is_up.recv().unwrap();
        });
        let ended = ended.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (0, 0));
        assert_eq!(seen.load(Ordering::SeqCst), 7, "the second callback was cut");
    });
}

#[test]
fn l17_many_that_share_a_thread_are_unwound_and_c_returns_last_in_first_out() {
    on_each_kind(|kind, procs| {
        let values = Count::new();
        let theirs = values.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            let (up, is_up) = channel(20);
            for _ in 0..20 {
                let (up, values) = (up.clone(), theirs.clone());
                drop(go(move || {
                    let _value = values.one();
                    call(|| {
                        let of_c = Cell::new(1);
                        callback((), || {
                            up.send(()).unwrap();
                            wait_for_ever();
                        });
                        assert_eq!(of_c.replace(2), 1, "C's frame was used by another");
                    });
                }));
            }
            (0..20).for_each(|_| is_up.recv().unwrap());
        });
        let ended = ended.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (0, 0));
        values.assert_all_dropped(20);
    });
}

#[test]
fn one_in_a_callback_that_would_drop_frames_of_c_is_left_behind() {
    on_each_kind(|kind, procs| {
        // Nested, too: what unwinds there would come out at the outer one.
        for nested in [false, true] {
            let ended = kind.with_procs(procs).run_counted(move || {
                let (up, is_up) = channel(1);
                drop(go(move || {
                    let waits = || {
                        up.send(()).unwrap();
                        wait_for_ever();
                    };
                    let inner = || {
                        if nested {
                            call(|| callback((), waits));
                            unreachable!("C has returned");
                        }
                        waits();
                    };
                    // SAFETY: the frames between own nothing; and nothing unwinds.
                    call(|| unsafe { callback_unwind::<()>(inner) });
                }));
                is_up.recv().unwrap();
            });
            let ended = ended.unwrap();
            assert_eq!((ended.left_behind, ended.threads_left), (1, 1), "nested: {nested}");
        }
    });
}

#[test]
fn l17_a_goexit_that_a_callback_swallowed_waits_for_the_frames_of_another_call() {
    on_each_kind(|kind, _| {
        // One P and, where goroutines are bound to their thread, one thread: both calls lie on one system stack.
        let ended = kind.with_procs(1).run_counted(|| {
            let (other, returns) =
                (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let (theirs, may) = (other.clone(), returns.clone());
            let first = go(move || {
                call(|| {
                    callback((), || {
                        yield_until("the other one is in C", || other.load(Ordering::SeqCst));
                        let swallowed = catch_unwind(AssertUnwindSafe(|| goexit()));
                        assert!(swallowed.is_err());
                        returns.store(true, Ordering::SeqCst);
                    });
                });
                yield_now();
                unreachable!("it goes on after its Goexit");
            });
            let second = go(move || {
                call(|| {
                    callback(0, || {
                        theirs.store(true, Ordering::SeqCst);
                        yield_until("the first one is done", || may.load(Ordering::SeqCst));
                        7
                    })
                })
            });
            assert!(first.join().is_err());
            assert_eq!(second.join().unwrap(), 7);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}
