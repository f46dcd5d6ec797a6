//! Deferred calls, panics and recover on goroutines, with the Ps' caches.

mod common;

use std::cell::{Cell, RefCell};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::in_children;
use common::{
    Kind, on_each_kind, on_every_runtime, on_goroutines_and_threads, panic_text, text, yield_until,
};
use g0_defer::{Panics, is_goexit};
use g0_sched::{
    Once, Runtime, Uncaught, channel, deferring, go, go_named, goexit, recovering, yield_now,
};

/// A child has ended with a fatal error, and has said `expected`.
fn ends_with(kind: Kind, procs: usize, out: &Output, said: &str, expected: &str) {
    let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
    assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
    assert!(said.contains(expected), "{what}");
}

/// Panics without the hook's message.
fn panics(value: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(value))
}

#[test]
fn calls_deferred_in_a_loop_run_newest_first_wherever_the_goroutine_is() {
    on_goroutines_and_threads(|| {
        let next = Cell::new(1000_usize);
        deferring(|s| {
            let next = &next;
            for n in 0..1000_usize {
                let captured = [n; 6];
                s.defer(move || {
                    assert_eq!((captured, next.get()), ([n; 6], n + 1));
                    next.set(n);
                    if n % 100 == 0 {
                        yield_now();
                    }
                });
                if n % 100 == 0 {
                    yield_now();
                }
            }
        });
        assert_eq!(next.get(), 0);
    });
}

/// Records are taken on one P and given back on another.
#[test]
fn l16_records_outlive_the_p_that_they_are_from() {
    on_every_runtime(4, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..50)
            .map(|_| {
                let runs = runs.clone();
                go(move || {
                    for round in 0..20 {
                        deferring(|s| {
                            for n in 0..40 + round {
                                let (runs, captured) = (&runs, [n; 5]);
                                s.defer(move || {
                                    assert_eq!(captured, [n; 5]);
                                    runs.fetch_add(1, Ordering::Relaxed);
                                });
                            }
                            yield_now();
                        });
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|one| one.join().unwrap());
        assert_eq!(runs.load(Ordering::Relaxed), 50 * (20 * 40 + 190));
    });
}

#[test]
fn a_recovered_panic_ends_neither_its_goroutine_nor_another() {
    on_every_runtime(2, || {
        let all: Vec<_> = (0..20_u32)
            .map(|n| {
                go(move || {
                    let got = Cell::new(None);
                    let value = recovering(|s| {
                        s.defer_recover(|r| got.set(r.recover()));
                        yield_now();
                        if n % 2 == 0 { std::panic::resume_unwind(Box::new(n)) } else { n }
                    });
                    yield_now();
                    match value {
                        Some(value) => value,
                        None => *got.take().unwrap().downcast::<u32>().unwrap() + 100,
                    }
                })
            })
            .collect();
        for (n, one) in (0..).zip(all) {
            assert_eq!(one.join().unwrap(), if n % 2 == 0 { n + 100 } else { n });
        }
    });
}

#[test]
fn deferred_calls_park_while_a_panic_is_in_flight() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let panicking = go(move || {
            deferring(|s| {
                for n in 1..=3 {
                    let tx = &tx;
                    s.defer(move || {
                        tx.send(n).unwrap();
                        yield_now();
                        assert!(!std::thread::panicking(), "it has been caught");
                    });
                }
                panics("while the calls wait")
            })
        });
        assert_eq!([rx.recv(), rx.recv(), rx.recv()], [Ok(3), Ok(2), Ok(1)]);
        let outcome: Result<(), _> = panicking.join();
        assert_eq!(text(&*outcome.unwrap_err()), "while the calls wait");
    });
}

#[test]
fn deferred_calls_run_on_goexit_and_recover_there_gives_none() {
    on_every_runtime(2, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let seen = runs.clone();
        let leaving = go(move || {
            recovering(|s| {
                for _ in 0..3 {
                    let runs = &seen;
                    s.defer_recover(move |r| {
                        assert!(r.recover().is_none());
                        yield_now();
                        runs.fetch_add(1, Ordering::Relaxed);
                    });
                }
                goexit()
            })
        });
        let outcome: Result<Option<()>, _> = leaving.join();
        assert!(is_goexit(&outcome.unwrap_err()));
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn goexit_in_a_deferred_call_while_panicking_ends_the_panic() {
    on_every_runtime(2, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let seen = runs.clone();
        let leaving = go(move || {
            deferring(|s| {
                s.defer(|| {
                    seen.fetch_add(1, Ordering::Relaxed);
                });
                s.defer(|| goexit());
                panics("ended by the goexit")
            })
        });
        // Detached it would not be fatal either: nothing panics any more.
        let outcome: Result<(), _> = leaving.join();
        assert!(is_goexit(&outcome.unwrap_err()));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        drop(go(|| {
            deferring(|s| {
                s.defer(|| goexit());
                panics("ended by the goexit")
            })
        }));
        (0..20).for_each(|_| yield_now());
    });
}

#[test]
fn a_panic_that_was_recovered_during_goexit_lets_the_goexit_go_on() {
    on_every_runtime(2, || {
        let leaving = go(|| {
            recovering(|s| {
                s.defer_recover(|r| assert!(r.recover().is_none(), "only the goexit is left"));
                s.defer_recover(|r| assert!(r.recover().is_some()));
                s.defer(|| panics("in a deferred call"));
                goexit()
            });
        });
        assert!(is_goexit(&leaving.join().unwrap_err()));
    });
}

#[test]
fn panics_of_many_goroutines_at_the_same_time_do_not_mix() {
    on_every_runtime(4, || {
        let all: Vec<_> = (0..100_u32)
            .map(|n| {
                go(move || {
                    deferring(|s| {
                        s.defer(move || {
                            yield_now();
                            std::panic::resume_unwind(Box::new(n + 1000))
                        });
                        yield_now();
                        std::panic::resume_unwind(Box::new(n))
                    })
                })
            })
            .collect();
        for (n, one) in (0..).zip(all) {
            let outcome: Result<(), _> = one.join();
            let all = Panics::of(outcome.unwrap_err());
            let numbers: Vec<_> = all.iter().map(|p| *p.downcast_ref::<u32>().unwrap()).collect();
            assert_eq!(numbers, [n, n + 1000]);
        }
    });
}

/// Fifty scopes, one in the other, each of which recovers and panics anew.
#[test]
fn recovering_at_each_of_fifty_levels_is_done_on_a_goroutines_stack() {
    fn level(n: u32) {
        let got = RefCell::new(None);
        let _ = recovering(|s| {
            s.defer_recover(|r| {
                let payload = r.recover().unwrap();
                *got.borrow_mut() = Some(*payload.downcast::<u32>().unwrap());
            });
            if n == 0 { std::panic::resume_unwind(Box::new(0_u32)) } else { level(n - 1) }
        });
        assert_eq!(got.take(), Some(n));
        std::panic::resume_unwind(Box::new(n + 1))
    }
    on_every_runtime(2, || {
        let payload = go(|| level(50)).join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&51_u32));
    });
}

#[test]
fn a_panic_that_nobody_takes_is_fatal_and_all_that_met_are_printed() {
    in_children(
        "a_panic_that_nobody_takes_is_fatal_and_all_that_met_are_printed",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                drop(go_named("alone", || {
                    deferring(|s| {
                        s.defer(|| std::panic::resume_unwind(Box::new(String::from("third"))));
                        s.defer(|| panics("second"));
                        yield_now();
                        panics("first")
                    })
                }));
                loop {
                    yield_now();
                }
            });
        },
        |kind, procs, out, said| {
            let chain = "panic: first\n\tpanic: second\n\tpanic: third\nfatal error: a panic in a \
                         detached goroutine";
            ends_with(kind, procs, out, said, chain);
            ends_with(kind, procs, out, said, "(alone), started at ");
        },
    );
}

#[test]
fn a_panic_after_goexit_that_nobody_takes_is_fatal() {
    in_children(
        "a_panic_after_goexit_that_nobody_takes_is_fatal",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                drop(go(|| {
                    deferring(|s| {
                        s.defer(|| panics("after the goexit"));
                        goexit()
                    })
                }));
                loop {
                    yield_now();
                }
            });
        },
        |kind, procs, out, said| {
            ends_with(kind, procs, out, said, "panic: after the goexit\nfatal error")
        },
    );
}

/// Whether a handle that is dropped at once goes before the panic or after it is a matter of luck.
#[test]
fn a_panic_is_fatal_as_well_when_the_handle_is_dropped_after_it() {
    in_children(
        "a_panic_is_fatal_as_well_when_the_handle_is_dropped_after_it",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                let ended = go(|| panics("a while ago"));
                yield_until("it ends", || ended.is_finished());
                drop(ended);
            });
        },
        |kind, procs, out, said| {
            ends_with(kind, procs, out, said, "panic: a while ago\nfatal error")
        },
    );
}

#[test]
fn who_panics_himself_drops_the_handles_of_others_that_have() {
    on_every_runtime(2, || {
        let said = panic_text(|| {
            let [first, second] = ["first", "second"].map(|what| go(move || panics(what)));
            yield_until("they end", || first.is_finished() && second.is_finished());
            let Err(payload) = first.join();
            std::panic::resume_unwind(payload);
        });
        assert_eq!(said, "first");
    });
}

/// What is printed of a payload is text; a payload whose own code would wait or panic is not asked.
#[test]
fn while_a_panic_is_reported_no_code_of_the_payload_runs() {
    struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panics("while another is reported")
        }
    }
    impl Drop for Loud {
        fn drop(&mut self) {
            eprintln!("dropped");
        }
    }
    in_children(
        "while_a_panic_is_reported_no_code_of_the_payload_runs",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                drop(go(|| std::panic::resume_unwind(Box::new(Loud))));
                loop {
                    yield_now();
                }
            });
        },
        |kind, procs, out, said| {
            ends_with(kind, procs, out, said, "panic: (a value that is not text)\nfatal error");
            assert!(!said.contains("dropped"), "{kind:?} with {procs} procs: {said}");
        },
    );
}

#[test]
fn the_builder_may_say_that_a_panic_ends_its_goroutine_alone() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(Runtime::builder().procs(procs).uncaught(Uncaught::Ends));
        let ended = runtime.run_counted(|| {
            let alive = Arc::new(());
            for n in 0..20 {
                let held = alive.clone();
                drop(go(move || {
                    if n % 2 == 0 {
                        yield_now();
                    }
                    std::panic::resume_unwind(Box::new(held))
                }));
            }
            common::yield_until("all have ended", || Arc::strong_count(&alive) == 1);
            go(|| 5).join().unwrap()
        });
        let ended = ended.unwrap();
        assert_eq!((ended.result, ended.left_behind), (Some(5), 0));
    });
}

#[test]
fn panics_that_nobody_takes_at_the_same_time_end_the_program_without_a_hang() {
    in_children(
        "panics_that_nobody_takes_at_the_same_time_end_the_program_without_a_hang",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                for _ in 0..20 {
                    drop(go(|| {
                        yield_now();
                        panics("with others")
                    }));
                }
                loop {
                    yield_now();
                }
            });
        },
        |kind, procs, out, said| ends_with(kind, procs, out, said, "panic: with others\n"),
    );
}

#[test]
fn panics_of_the_language_are_recovered_with_what_they_say() {
    on_every_runtime(2, || {
        std::panic::set_hook(Box::new(|_| ()));
        let said = |body: fn(usize) -> usize| {
            let got = RefCell::new(String::new());
            let value = recovering(|s| {
                s.defer_recover(|r| {
                    let payload = r.recover().unwrap();
                    got.borrow_mut().push_str(text(&*payload));
                });
                body(std::hint::black_box(0))
            });
            assert_eq!(value, None);
            got.take()
        };
        let wrong = said(|n| 1 / n);
        assert!(wrong.contains("divide by zero"), "{wrong}");
        let wrong = said(|n| [1, 2, 3][n + 5]);
        assert!(wrong.contains("index out of bounds"), "{wrong}");
        let _ = std::panic::take_hook();
    });
}

/// In Go such a `Once` is done; here, as after a panic, who comes next is told.
#[test]
fn a_once_whose_closure_ends_by_goexit_or_panic_has_run_once() {
    on_every_runtime(2, || {
        for way in [goexit, || panics("in the closure")] {
            let (once, runs) = (Arc::new(Once::new()), Arc::new(AtomicUsize::new(0)));
            for _ in 0..3 {
                let (once, runs) = (once.clone(), runs.clone());
                let outcome = go(move || {
                    let body = || {
                        runs.fetch_add(1, Ordering::Relaxed);
                        way()
                    };
                    std::panic::set_hook(Box::new(|_| ()));
                    once.call_once(body)
                });
                assert!(outcome.join().is_err());
            }
            let _ = std::panic::take_hook();
            assert_eq!(runs.load(Ordering::Relaxed), 1);
        }
    });
}

/// With one record in flight for each call that waits for ever, the caches go on.
#[test]
fn a_deferred_call_that_never_returns_holds_no_record() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(|| {
            let (tx, rx) = channel::<()>(0);
            for _ in 0..100 {
                let rx = rx.clone();
                drop(go(move || {
                    deferring(|s| {
                        let captured = [1; 6];
                        s.defer(move || {
                            assert_eq!(captured, [1; 6]);
                            let _ = rx.recv();
                        });
                    });
                }));
            }
            (0..300).for_each(|_| yield_now());
            drop(tx);
        });
        assert_eq!(ended.unwrap().left_behind, 0);
    });
}
