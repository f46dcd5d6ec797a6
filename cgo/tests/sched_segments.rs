//! C and callbacks on later segments of a goroutine's stack, and segments in callbacks.

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::hint::black_box;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::child::in_children;
use common::{on_each_kind, panic_text, quiet_panic, text, yield_until};
use g0_cgo::{call, call_blocking, call_leaf, callback, callback_unwind};
use g0_sched::{Builder, Runtime, channel, go, go_named, goexit, grow, sleep, stats, yield_now};
use threads::{alone, on_c_thread};

/// What a level may put on the stack.
const NEED: usize = 16 << 10;

fn builder(procs: usize) -> Builder {
    Runtime::builder().procs(procs).stack_size(32 << 10)
}

/// Calls `end` so many levels further down; returns its value and the sum of the levels.
#[inline(never)]
fn deep(levels: u64, end: &mut dyn FnMut() -> u64) -> u64 {
    grow::call(NEED, || {
        let frame = [levels; 128];
        black_box(&frame);
        let value = if levels == 0 { end() } else { deep(levels - 1, end) };
        black_box(&frame)[7] + value
    })
}

fn sum(levels: u64) -> u64 {
    levels * (levels + 1) / 2
}

#[test]
fn c_is_called_on_a_later_segment_and_calls_back_there() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let main = move || {
            let goroutines: Vec<_> = (0..kind.at_most(10))
                .map(|_| {
                    go(|| {
                        deep(100, &mut || {
                            let value = call(|| {
                                let first = callback(0, || {
                                    yield_now();
                                    deep(100, &mut || {
                                        sleep(Duration::from_micros(20));
                                        call(|| callback(0, || deep(50, &mut || 1)))
                                    })
                                });
                                first + callback(0, || 2)
                            });
                            value + call_blocking(|| 3)
                        })
                    })
                })
                .collect();
            let each = 6 + 2 * sum(100) + sum(50);
            goroutines.into_iter().for_each(|g| assert_eq!(g.join().unwrap(), each));
            assert_eq!(stats().unwrap().segments.in_use, 0);
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn what_is_thrown_in_a_callback_leaves_its_segments() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let main = || {
            let value = deep(60, &mut || {
                let left = grow::remaining();
                // Held until C has returned.
                let held =
                    catch_unwind(|| call(|| callback(7, || deep(60, &mut || quiet_panic("held")))));
                assert_eq!(text(&*held.unwrap_err()), "held");
                assert_eq!(grow::remaining(), left);
                // Over the frames of C.
                let thrown = catch_unwind(|| {
                    // SAFETY: there are plain frames between it and the call.
                    call(|| unsafe { callback_unwind(|| deep(60, &mut || quiet_panic("thrown"))) })
                });
                assert_eq!(text(&*thrown.unwrap_err()), "thrown");
                assert_eq!(grow::remaining(), left);
                // Out of C's own closure.
                assert_eq!(panic_text(|| call(|| quiet_panic("own"))), "own");
                assert_eq!(grow::remaining(), left);
                assert_eq!(deep(60, &mut || 1), 1 + sum(60));
                1
            });
            assert_eq!(value, 1 + sum(60));
            let exits = go(|| {
                deep(60, &mut || {
                    // SAFETY: as above.
                    call(|| unsafe { callback_unwind(|| deep(60, &mut || goexit())) })
                })
            });
            assert!(exits.join().is_err());
            let exits =
                go(|| deep(60, &mut || call(|| callback(3, || deep(60, &mut || goexit())))));
            assert!(exits.join().is_err());
            assert_eq!(stats().unwrap().segments.in_use, 0);
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn a_leaf_runs_where_there_is_room_on_the_present_segment() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let main = || {
            let own = || {
                let here = 0u8;
                (&raw const here).addr()
            };
            grow::call(200 << 10, || {
                let at = own();
                let near = |there: usize| there.abs_diff(at) < 100 << 10;
                assert!(near(call_leaf(100 << 10, own)), "there is room");
                assert!(!near(call_leaf(100 << 20, own)), "there is none: on the system stack");
            });
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn a_foreign_threads_goroutine_grows_and_gives_back() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let main = || {
            on_c_thread(|| {
                for n in 0..20 {
                    let value = callback(0, || {
                        deep(100, &mut || {
                            yield_now();
                            n
                        })
                    });
                    assert_eq!(value, n + sum(100));
                    // Between callbacks it is a thread like any other.
                    assert_eq!(grow::remaining(), usize::MAX);
                    assert_eq!(grow::call(1 << 40, || 5), 5);
                }
            });
            yield_until("it has given them back", || stats().unwrap().segments.in_use == 0);
            let segments = stats().unwrap().segments;
            assert!((1..40).contains(&segments.all()), "{segments:?}");
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn the_end_of_the_run_unwinds_a_callback_that_waits_on_a_segment() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        static DROPS: AtomicUsize = AtomicUsize::new(0);
        DROPS.store(0, Ordering::Relaxed);
        struct Counts;
        impl Drop for Counts {
            fn drop(&mut self) {
                DROPS.fetch_add(1, Ordering::Relaxed);
            }
        }
        let main = || {
            let (began, has_begun) = channel::<()>(0);
            let (tx, rx) = channel::<u64>(0);
            drop(go(move || {
                deep(60, &mut || {
                    let _counts = Counts;
                    call(|| {
                        callback(0, || {
                            deep(60, &mut || {
                                let _counts = Counts;
                                began.send(()).unwrap();
                                rx.recv().unwrap_or(0)
                            })
                        })
                    })
                })
            }));
            has_begun.recv().unwrap();
            std::mem::forget(tx);
        };
        let runtime = kind.build(builder(procs).grace(Duration::from_secs(20)));
        assert_eq!(runtime.run_counted(main).unwrap().left_behind, 0);
        assert_eq!(DROPS.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn growth_in_foreign_code_is_fatal() {
    let _alone = alone();
    in_children(
        "growth_in_foreign_code_is_fatal",
        |kind, procs| {
            let main = || {
                let _ = go_named("in C", || call(|| grow::call(1, || ()))).join();
            };
            kind.build(builder(procs)).run(main).unwrap();
        },
        |kind, procs, out, said| {
            assert!(!out.status.success(), "{kind:?} with {procs} procs");
            assert!(said.contains("a stack cannot grow in foreign code (L14)"), "{said}");
            assert!(said.contains("(in C), started at cgo/tests/sched_segments.rs:"), "{said}");
        },
    );
}
