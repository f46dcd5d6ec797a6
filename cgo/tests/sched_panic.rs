//! Panics and goexits in callbacks on the scheduler: C returns by itself, then they go on.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::in_children;
use common::count::Count;
use common::{Kind, on_every_runtime, panic_text, quiet_panic, tid, yield_until};
use g0_cgo::{call, call_leaf, callback};
use g0_sched::{go, goexit, lock_os_thread, os_thread_locked, unlock_os_thread, yield_now};

#[test]
fn a_panic_in_a_callback_is_held_until_c_has_returned() {
    on_every_runtime(2, || {
        let returned = AtomicUsize::new(0);
        let said = panic_text(|| {
            call(|| {
                assert_eq!(callback(-1, || -> i32 { quiet_panic("held") }), -1, "the default");
                // C goes on and may call back again.
                assert_eq!(callback(-1, || 2), 2);
                callback((), || quiet_panic("a later one"));
                returned.fetch_add(1, Ordering::SeqCst);
            })
        });
        assert_eq!(said, "held", "the first goes on");
        assert_eq!(returned.load(Ordering::SeqCst), 1, "no C frame was dropped");
        assert!(!os_thread_locked());
        // All is as before.
        assert_eq!(call(|| callback(0, || 3)), 3);
        yield_now();
    });
}

#[test]
fn l8_a_panic_in_a_callback_leaves_the_locks_as_they_were() {
    on_every_runtime(2, || {
        for locks in 0..3 {
            (0..locks).for_each(|_| lock_os_thread());
            let thread = tid();
            let said = panic_text(|| {
                call(|| {
                    callback((), || {
                        yield_now();
                        call(|| callback((), || quiet_panic("deep inside")));
                    });
                })
            });
            assert_eq!(said, "deep inside");
            for left in (0..locks).rev() {
                assert!(os_thread_locked(), "{} locks are left", left + 1);
                yield_now();
                assert_eq!(tid(), thread);
                unlock_os_thread();
            }
            assert!(!os_thread_locked());
        }
    });
}

#[test]
fn a_goexit_in_a_callback_ends_the_goroutine_after_c() {
    on_every_runtime(2, || {
        let returned = Arc::new(AtomicUsize::new(0));
        let count = Count::new();
        for _ in 0..5 {
            let (theirs, guard) = (returned.clone(), count.one());
            let handle = go(move || {
                let _guard = guard;
                call(|| {
                    callback((), || {
                        yield_now();
                        goexit()
                    });
                    theirs.fetch_add(1, Ordering::SeqCst);
                });
                unreachable!("goexit cannot be undone");
            });
            let ended: Result<(), _> = handle.join();
            assert!(g0_defer::is_goexit(&ended.unwrap_err()));
        }
        assert_eq!(returned.load(Ordering::SeqCst), 5);
        count.assert_all_dropped(5);
    });
}

#[test]
fn panics_of_many_goroutines_do_not_mix() {
    on_every_runtime(2, || {
        let all: Vec<_> = (0..20usize)
            .map(|i| {
                go(move || {
                    let payload = std::panic::catch_unwind(|| {
                        call(|| {
                            callback((), || {
                                yield_now();
                                if i % 2 == 0 {
                                    std::panic::resume_unwind(Box::new(i));
                                }
                                yield_now();
                            });
                        });
                    });
                    yield_now();
                    payload.err().map(|payload| *payload.downcast::<usize>().unwrap())
                })
            })
            .collect();
        for (i, handle) in all.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), (i % 2 == 0).then_some(i));
        }
    });
}

/// Runs a child in which `misuse` is the last thing a goroutine does.
fn dies(test: &str, misuse: fn(), words: &str) {
    in_children(
        test,
        |kind: Kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                drop(g0_sched::go_named("culprit", misuse).join());
            });
        },
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
            assert!(said.contains(words), "{what}");
        },
    );
}

#[test]
fn a_callback_outside_a_call_is_fatal() {
    dies(
        "a_callback_outside_a_call_is_fatal",
        || callback((), || unreachable!("it runs")),
        "bad g in callback: it came from goroutine code outside any call",
    );
}

#[test]
fn the_fatal_message_names_the_goroutine() {
    dies(
        "the_fatal_message_names_the_goroutine",
        || callback((), || unreachable!("it runs")),
        "(culprit), started at cgo/tests/sched_panic.rs",
    );
}

#[test]
fn a_callback_inside_a_leaf_is_fatal() {
    dies(
        "a_callback_inside_a_leaf_is_fatal",
        || call_leaf(1 << 30, || callback((), || unreachable!("it runs"))),
        "bad g in callback",
    );
}

#[test]
fn after_all_this_others_run() {
    on_every_runtime(2, || {
        let n = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let n = n.clone();
            drop(go(move || {
                let _ = std::panic::catch_unwind(|| call(|| callback((), || quiet_panic("x"))));
                n.fetch_add(1, Ordering::SeqCst);
            }));
        }
        yield_until("all get on", || n.load(Ordering::SeqCst) == 10);
    });
}
