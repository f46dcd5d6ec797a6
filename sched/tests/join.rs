//! What becomes of a goroutine's value, its panic, its goexit.

mod common;

use std::os::unix::process::ExitStatusExt;

use common::child::in_children;
use common::count::Count;
use common::{on_every_runtime, panic_text, quiet_panic, text, yield_until};
use g0_sched::{channel, go, go_named, goexit, scope, yield_now};

#[test]
fn a_panic_goes_to_the_handle() {
    on_every_runtime(2, || {
        let handle = go(|| -> u32 { quiet_panic("out of order") });
        assert_eq!(text(&*handle.join().unwrap_err()), "out of order");
        let handle = go(|| {
            yield_now();
            std::panic::panic_any(42u64)
        });
        let never: Result<(), _> = handle.join();
        assert_eq!(never.unwrap_err().downcast_ref::<u64>(), Some(&42));
    });
}

#[test]
fn a_panic_that_the_goroutine_catches_is_its_own_affair() {
    on_every_runtime(2, || {
        let handle = go(|| {
            let caught = std::panic::catch_unwind(|| {
                yield_now();
                quiet_panic("caught")
            });
            let caught: Result<(), _> = caught;
            yield_now();
            text(&*caught.unwrap_err()).to_owned()
        });
        assert_eq!(handle.join().unwrap(), "caught");
    });
}

#[test]
fn goexit_runs_what_is_deferred_and_tells_the_handle() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<&str>(4);
        let handle = go(move || -> u32 {
            g0_defer::defer! { assert!(tx.send("deferred").is_ok()) }
            fn deep(n: u32) -> u32 {
                if n == 0 { goexit() } else { deep(n - 1) + 1 }
            }
            deep(20)
        });
        assert!(g0_defer::is_goexit(&handle.join().unwrap_err()));
        assert_eq!(rx.recv(), Ok("deferred"));
        assert!(rx.recv().is_err(), "the sender was dropped");
    });
}

#[test]
fn the_newest_of_panic_and_goexit_decides() {
    on_every_runtime(2, || {
        let ended = go(|| {
            g0_defer::scope(|s| {
                s.defer(|| goexit());
                quiet_panic("replaced by a goexit")
            })
        });
        let ended: Result<(), _> = ended.join();
        assert!(g0_defer::is_goexit(&ended.unwrap_err()));

        let ended = go(|| {
            g0_defer::scope(|s| {
                s.defer(|| {
                    yield_now();
                    quiet_panic("after the goexit")
                });
                goexit()
            })
        });
        let ended: Result<(), _> = ended.join();
        let payload = ended.unwrap_err();
        assert!(!g0_defer::is_goexit(&payload));
        let all = g0_defer::Panics::of(payload);
        assert!(all.has_goexit());
        assert_eq!(text(&**all.newest()), "after the goexit");
    });
}

#[test]
fn a_detached_goroutine_may_goexit() {
    on_every_runtime(2, || {
        let count = Count::new();
        for _ in 0..10 {
            let guard = count.one();
            drop(go(move || {
                let _guard = guard;
                yield_now();
                goexit()
            }));
        }
        yield_until("they end", || count.dropped() == 10);
    });
}

#[test]
fn a_panic_in_a_detached_goroutine_is_fatal_and_says_where() {
    in_children(
        "a_panic_in_a_detached_goroutine_is_fatal_and_says_where",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                let (tx, rx) = channel::<()>(0);
                drop(go_named("lonely", move || {
                    let _ = rx.recv();
                    quiet_panic("nobody hears this")
                }));
                drop(tx);
                loop {
                    yield_now();
                }
            });
        },
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
            assert!(said.contains("fatal error: a panic in a detached goroutine"), "{what}");
            assert!(said.contains("(lonely), started at "), "{what}");
            assert!(said.contains("join.rs:"), "{what}");
        },
    );
}

#[test]
fn results_are_dropped_once_whenever_the_handle_goes() {
    on_every_runtime(2, || {
        let count = Count::new();
        for round in 0..200 {
            let value = count.one();
            let handle = go(move || {
                if round % 3 == 0 {
                    yield_now();
                }
                value
            });
            match round % 5 {
                // At once: before the start, in the middle, or after the end.
                0 => drop(handle),
                1 => {
                    yield_now();
                    drop(handle);
                }
                2 => {
                    yield_until("it ends", || handle.is_finished());
                    drop(handle);
                }
                3 => drop(handle.join().unwrap()),
                _ => {
                    // Joined by another goroutine, whose result it becomes.
                    let outer = go(move || handle.join().unwrap());
                    drop(outer.join());
                }
            }
        }
        yield_until("all are dropped", || count.dropped() == 200);
        count.assert_all_dropped(200);
    });
}

#[test]
fn a_thread_that_runs_no_goroutine_may_join() {
    on_every_runtime(2, || {
        let handles: Vec<_> = (0..50u64)
            .map(|i| {
                go(move || {
                    (0..i % 7).for_each(|_| yield_now());
                    i
                })
            })
            .collect();
        let (tx, rx) = channel::<u64>(0);
        let thread = std::thread::spawn(move || {
            tx.send(handles.into_iter().map(|h| h.join().unwrap()).sum()).unwrap();
        });
        assert_eq!(rx.recv(), Ok(49 * 50 / 2));
        thread.join().unwrap();
    });
}

#[test]
fn goroutines_are_reused_without_a_trace() {
    on_every_runtime(2, || {
        for i in 0..3000usize {
            let handle = go(move || [i; 4]);
            assert_eq!(handle.join().unwrap(), [i; 4]);
        }
        let panics = go(|| quiet_panic("once"));
        let panics: Result<(), _> = panics.join();
        assert!(panics.is_err());
        assert!(go(|| ()).join().is_ok(), "the next goroutine on that stack knows nothing of it");
    });
}

#[test]
fn a_scope_waits_for_all_and_hands_panics_on() {
    on_every_runtime(2, || {
        let mut sum = [0u32; 8];
        let said = panic_text(|| {
            scope(|s| {
                for (i, part) in sum.iter_mut().enumerate() {
                    s.go(move || {
                        yield_now();
                        if i == 3 {
                            quiet_panic("the fourth")
                        }
                        *part = i as u32;
                    });
                }
            });
        });
        assert!(said.contains("a goroutine of the scope panicked"), "{said}");
        assert_eq!(sum, [0, 1, 2, 0, 4, 5, 6, 7], "the others ended first");

        // Joined, it is the joiner's.
        let joined = scope(|s| {
            let handle = s.go(|| -> u32 { quiet_panic("mine") });
            text(&*handle.join().unwrap_err()).to_owned()
        });
        assert_eq!(joined, "mine");

        // The scope's own panic waits for the goroutines too.
        let mut done = false;
        let said = panic_text(|| {
            scope(|s| {
                s.go(|| {
                    (0..20).for_each(|_| yield_now());
                    done = true;
                });
                quiet_panic("the scope itself")
            })
        });
        assert_eq!(said, "the scope itself");
        assert!(done);
    });
}

#[test]
fn scopes_nest() {
    on_every_runtime(2, || {
        let total = scope(|outer| {
            let all: Vec<_> = (0..5u64)
                .map(|i| {
                    outer.go(move || {
                        let mut parts = [0u64; 5];
                        scope(|inner| {
                            for (j, part) in parts.iter_mut().enumerate() {
                                inner.go(move || *part = i * 10 + j as u64);
                            }
                        });
                        parts.iter().sum::<u64>()
                    })
                })
                .collect();
            all.into_iter().map(|h| h.join().unwrap()).sum::<u64>()
        });
        assert_eq!(total, (0..5u64).map(|i| 50 * i + 10).sum());
    });
}

#[test]
fn a_scope_hands_on_a_panic_whose_handle_is_dropped_late() {
    on_every_runtime(2, || {
        let said = panic_text(|| {
            scope(|s| {
                let handle = s.go(|| quiet_panic("unheard"));
                yield_until("it ends", || handle.is_finished());
            });
        });
        assert!(said.contains("a goroutine of the scope panicked"), "{said}");
    });
}
