//! Goroutines whose stacks grow by segments: what they do on a later one, and how they leave it.

mod common;
#[allow(dead_code, reason = "its threads are used, and a scheduler")]
mod own;

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::child::in_children;
use common::{bounded, on_each_kind, panic_text, quiet_panic, suspends_often, tid, yield_until};
use g0_sched::{
    Builder, Error, Runtime, Scheduler, channel, deferring, go, go_named, goexit, grow, recovering,
    select, sleep, stats, yield_now,
};
use g0_stack::{Class, SlabSource, Stack, StackError, StackSource};

/// What a level may put on the stack: a wait in a build that is not optimised takes most of it.
const NEED: usize = 16 << 10;

/// Small stacks.
fn builder(procs: usize) -> Builder {
    Runtime::builder().procs(procs).stack_size(32 << 10)
}

/// Counts what is dropped.
struct Counts<'a>(&'a AtomicUsize);

impl Drop for Counts<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Calls `end` so many levels further down, each with room for `NEED`; returns its value and the sum of the levels.
#[inline(never)]
fn deep(levels: u64, drops: &AtomicUsize, end: &mut dyn FnMut() -> u64) -> u64 {
    grow::call(NEED, || {
        let _counts = Counts(drops);
        let frame = [levels; 128];
        black_box(&frame);
        if levels == 0 {
            return end();
        }
        let value = deep(levels - 1, drops, end);
        black_box(&frame)[7] + value
    })
}

fn sum(levels: u64) -> u64 {
    levels * (levels + 1) / 2
}

#[test]
fn a_recursion_deeper_than_any_stack_comes_back() {
    on_each_kind(|kind, procs| {
        let main = || {
            let drops = AtomicUsize::new(0);
            let left = grow::remaining();
            assert_eq!(deep(2000, &drops, &mut || 5), 5 + sum(2000));
            assert_eq!(drops.load(Ordering::Relaxed), 2001);
            assert_eq!(grow::remaining(), left, "it is on its first stack again");
            assert!(grow::trim() > 0);
            assert_eq!(grow::trim(), 0);
            let joined = go(|| deep(1000, &AtomicUsize::new(0), &mut || 7)).join().unwrap();
            assert_eq!(joined, 7 + sum(1000));
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn a_goroutine_waits_on_a_later_segment() {
    on_each_kind(|kind, procs| {
        let main = move || {
            let goroutines: Vec<_> = (0..kind.at_most(20) as u64)
                .map(|n| {
                    let (tx, rx) = channel::<u64>(0);
                    let drops = Arc::new(AtomicUsize::new(0));
                    let handle = go(move || {
                        let value = deep(200 + n, &drops, &mut || {
                            yield_now();
                            let first = rx.recv().unwrap();
                            first + rx.recv().unwrap()
                        });
                        assert_eq!(drops.load(Ordering::Relaxed), 201 + n as usize);
                        value
                    });
                    (tx, handle)
                })
                .collect();
            yield_now();
            for round in 0..2 {
                goroutines.iter().for_each(|(tx, _)| tx.send(round).unwrap());
            }
            for (n, (_, handle)) in goroutines.into_iter().enumerate() {
                assert_eq!(handle.join().unwrap(), 1 + sum(200 + n as u64));
            }
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn a_panic_goes_on_from_segment_to_segment() {
    on_each_kind(|kind, procs| {
        let main = || {
            for levels in 0..150 {
                let drops = AtomicUsize::new(0);
                let panic = catch_unwind(AssertUnwindSafe(|| {
                    deep(levels, &drops, &mut || quiet_panic("deep"))
                }));
                assert_eq!(common::text(&*panic.unwrap_err()), "deep");
                assert_eq!(drops.load(Ordering::Relaxed), levels as usize + 1);
            }
            let joined =
                go(|| deep(300, &AtomicUsize::new(0), &mut || quiet_panic("joined"))).join();
            assert_eq!(common::text(&*joined.unwrap_err()), "joined");
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn goexit_leaves_segments() {
    on_each_kind(|kind, procs| {
        let main = || {
            let drops = Arc::new(AtomicUsize::new(0));
            let inner = drops.clone();
            let joined = go(move || deep(300, &inner, &mut || goexit())).join();
            assert!(joined.is_err());
            assert_eq!(drops.load(Ordering::Relaxed), 301);
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn the_end_of_the_run_unwinds_what_waits_on_a_later_segment() {
    on_each_kind(|kind, procs| {
        let drops = Arc::new(AtomicUsize::new(0));
        let inner = drops.clone();
        let ended = kind
            .build(builder(procs).grace(std::time::Duration::from_secs(20)))
            .run_counted(move || {
                let (tx, rx) = channel::<u64>(0);
                let (began, has_begun) = channel::<()>(0);
                drop(go(move || {
                    deep(300, &inner, &mut || {
                        began.send(()).unwrap();
                        rx.recv().unwrap()
                    })
                }));
                has_begun.recv().unwrap();
                std::mem::forget(tx);
            });
        assert_eq!(ended.unwrap().left_behind, 0);
        assert_eq!(drops.load(Ordering::Relaxed), 301);
    });
}

/// Goes down until fewer than so many bytes are left, in small steps, and calls `end` there.
#[inline(never)]
fn down_to(left: usize, end: &mut dyn FnMut() -> u64) -> u64 {
    if grow::remaining() > left {
        let value = down_to(left, end);
        return black_box(value);
    }
    end()
}

#[test]
fn a_panic_reaches_a_stack_that_is_as_good_as_full() {
    on_each_kind(|kind, procs| {
        let main = || {
            for left in (0..1500).step_by(40) {
                let panic = catch_unwind(|| {
                    down_to(left, &mut || {
                        // More than is left: on a segment.
                        grow::call(left.max(1) + 600, || quiet_panic("from the edge"))
                    })
                });
                assert_eq!(common::text(&*panic.unwrap_err()), "from the edge");
            }
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn a_goroutine_goes_on_elsewhere_while_it_is_on_a_segment() {
    on_each_kind(|kind, procs| {
        let main = move || {
            let seen = Arc::new(AtomicBool::new(!kind.migrates() || procs == 1));
            let start = Instant::now();
            let goroutines: Vec<_> = (0..4)
                .map(|_| {
                    let seen = seen.clone();
                    go(move || {
                        deep(150, &AtomicUsize::new(0), &mut || {
                            let before = tid();
                            while !seen.load(Ordering::Relaxed)
                                && start.elapsed() < Duration::from_secs(20)
                            {
                                sleep(Duration::from_micros(50));
                                if tid() != before {
                                    seen.store(true, Ordering::Relaxed);
                                }
                            }
                            3
                        })
                    })
                })
                .collect();
            for goroutine in goroutines {
                assert_eq!(goroutine.join().unwrap(), 3 + sum(150));
            }
            assert!(seen.load(Ordering::Relaxed), "none went on elsewhere");
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn many_goroutines_share_few_segments() {
    on_each_kind(|kind, procs| {
        let main = move || {
            let many = kind.at_most(1000);
            let (tx, rx) = channel::<u64>(0);
            let goroutines: Vec<_> = (0..many)
                .map(|_| {
                    let rx = rx.clone();
                    go(move || {
                        let before = deep(20, &AtomicUsize::new(0), &mut || 1);
                        let between = rx.recv().unwrap();
                        before + between + deep(20, &AtomicUsize::new(0), &mut || 1)
                    })
                })
                .collect();
            let waiting = || stats().unwrap().goroutines.waiting;
            yield_until("all wait", || waiting() == many);
            let segments = stats().unwrap().segments;
            assert_eq!(segments.in_use, 0, "{segments:?}: what waits keeps some");
            assert_eq!(segments.bytes_in_use, 0, "{segments:?}");
            // Where they are suspended on their way, many are deep at the same time.
            let most = if suspends_often() { many.max(100) } else { 100 };
            assert!((1..=most).contains(&segments.all()), "{segments:?}: they share them");
            assert!(segments.bytes >= segments.all() * (64 << 10), "{segments:?}");
            (0..many).for_each(|_| tx.send(1).unwrap());
            for goroutine in goroutines {
                assert_eq!(goroutine.join().unwrap(), 3 + 2 * sum(20));
            }
            assert_eq!(stats().unwrap().segments.in_use, 0);
            assert!(stats().unwrap().to_string().contains("segments: 0 in use, "));
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn what_is_deep_holds_its_segments_and_gives_them_back() {
    on_each_kind(|kind, procs| {
        let main = || {
            let (tx, rx) = channel::<u64>(0);
            let (began, has_begun) = channel::<()>(0);
            let handle = go(move || {
                deep(100, &AtomicUsize::new(0), &mut || {
                    began.send(()).unwrap();
                    rx.recv().unwrap()
                })
            });
            has_begun.recv().unwrap();
            yield_until("it waits", || stats().unwrap().goroutines.waiting == 1);
            assert!(stats().unwrap().segments.in_use >= 2);
            tx.send(4).unwrap();
            assert_eq!(handle.join().unwrap(), 4 + sum(100));
            assert_eq!(stats().unwrap().segments.in_use, 0, "an end gives back what was kept");
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn a_segment_of_another_size_is_kept_over_a_wait_and_goes_back() {
    on_each_kind(|kind, procs| {
        let main = || {
            let big =
                || grow::call(1 << 20, || grow::call(100 << 10, || black_box([1u8; 90 << 10])[7]));
            assert_eq!(big(), 1);
            sleep(Duration::from_micros(1));
            assert_eq!(stats().unwrap().segments.in_use, 1);
            assert!(stats().unwrap().segments.bytes_in_use > 1 << 20);
            assert_eq!(big(), 1);
            assert_eq!(grow::trim(), 1);
            assert_eq!(stats().unwrap().segments, Default::default(), "the source has all of it");
            // A chain of both sizes.
            let chain = || {
                grow::call(1 << 20, || {
                    grow::call(2 << 20, || deep(200, &AtomicUsize::new(0), &mut || 1))
                })
            };
            assert_eq!(chain(), 1 + sum(200));
            sleep(Duration::from_micros(1));
            assert_eq!(chain(), 1 + sum(200));
            assert!(grow::trim() >= 2);
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn all_that_waits_and_all_that_is_deferred_works_on_a_later_segment() {
    on_each_kind(|kind, procs| {
        let main = || {
            let value = deep(100, &AtomicUsize::new(0), &mut || {
                let (tx, rx) = channel::<u64>(0);
                let (other, silent) = channel::<u64>(0);
                let sender = go(move || {
                    deep(50, &AtomicUsize::new(0), &mut || {
                        tx.send(6).unwrap();
                        0
                    })
                });
                let received = select! {
                    recv(rx) -> value => value.unwrap(),
                    recv(silent) -> _ => unreachable!(),
                };
                let timed_out = select! {
                    recv(silent) -> _ => unreachable!(),
                    default(Duration::from_millis(1)) => 1,
                };
                drop(other);
                assert_eq!(sender.join().unwrap(), sum(50));
                let order = std::cell::RefCell::new(Vec::new());
                deferring(|s| {
                    for n in 0..3 {
                        let order = &order;
                        s.defer(move || {
                            let _ = deep(30, &AtomicUsize::new(0), &mut || n);
                            order.borrow_mut().push(n);
                        });
                    }
                });
                assert_eq!(*order.borrow(), [2, 1, 0]);
                let recovered = recovering(|r| {
                    r.defer_recover(|panic| {
                        let said = panic.recover().expect("a panic is under way");
                        assert_eq!(common::text(&*said), "deeper");
                    });
                    deep(60, &AtomicUsize::new(0), &mut || quiet_panic("deeper"))
                });
                assert!(recovered.is_none());
                received + timed_out
            });
            assert_eq!(value, 7 + sum(100));
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

/// Recursion that never ends.
#[inline(never)]
fn runs_away(drops: &AtomicUsize) -> u64 {
    let _counts = Counts(drops);
    let value = grow::call(NEED, || runs_away(black_box(drops)));
    black_box(value) + 1
}

#[test]
fn a_recursion_that_runs_away_ends_at_the_limit_and_gives_all_of_it_back() {
    on_each_kind(|kind, procs| {
        let main = || {
            let drops = Arc::new(AtomicUsize::new(0));
            let inner = drops.clone();
            let handle = go_named("runaway", move || runs_away(&inner));
            let said = common::text(&*handle.join().unwrap_err()).to_owned();
            for part in [
                "stack overflow: goroutine ",
                " runaway, started at sched/tests/segments.rs:",
                "beyond its limit of 4194304",
                "Builder::segment_limit",
            ] {
                assert!(said.contains(part), "no {part:?} in {said}");
            }
            assert!(drops.load(Ordering::Relaxed) > 100);
            let segments = stats().unwrap().segments;
            assert_eq!(segments.in_use, 0, "{segments:?}");
            assert!(segments.bytes <= 16 << 20, "{segments:?}");
            // And again, on a goroutine that catches it, and goes on.
            for _ in 0..3 {
                let said = panic_text(|| runs_away(&AtomicUsize::new(0)));
                assert!(said.contains("stack overflow: goroutine 1 main, "), "{said}");
                assert_eq!(deep(40, &AtomicUsize::new(0), &mut || 1), 1 + sum(40));
            }
            let tried = grow::try_call(8 << 20, || ());
            assert!(
                matches!(tried, Err(Error::Segment(StackError::SegmentLimit { .. }))),
                "{tried:?}"
            );
        };
        kind.build(builder(procs).segment_limit(4 << 20).without_panic_hook()).run(main).unwrap();
    });
}

#[test]
fn sizes_that_cannot_be_are_errors() {
    on_each_kind(|kind, procs| {
        let main = || {
            let refused = |need| grow::try_call(need, || unreachable!("it has run"));
            assert_eq!(refused(0), Err(Error::Segment(StackError::ZeroSize)));
            for need in [1 << 31, 1 << 40, isize::MAX as usize, usize::MAX] {
                match refused(need) {
                    Err(Error::Segment(
                        StackError::TooLarge { .. } | StackError::SegmentLimit { .. },
                    )) => {}
                    other => panic!("{need}: {other:?}"),
                }
                let said = panic_text(|| grow::call(need, || ()));
                assert!(said.contains("goroutine 1 main, started at "), "{said}");
            }
            assert!(panic_text(|| grow::call(0, || ())).contains("0 bytes"));
            // What was captured is dropped, once.
            let drops = AtomicUsize::new(0);
            let counts = Counts(&drops);
            assert!(grow::try_call(usize::MAX, move || drop(counts)).is_err());
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        };
        kind.build(builder(procs).without_panic_hook()).run(main).unwrap();
        let build = |size| kind.threads.try_build(builder(procs).segment_size(size)).map(drop);
        assert_eq!(build(0), Err(Error::SegmentSize(StackError::ZeroSize)));
        let large = build(usize::MAX);
        assert!(matches!(large, Err(Error::SegmentSize(StackError::TooLarge { .. }))), "{large:?}");
        assert_eq!(build(1), Ok(()));
    });
}

#[test]
fn small_segments_serve() {
    on_each_kind(|kind, procs| {
        let main = || {
            assert_eq!(deep(100, &AtomicUsize::new(0), &mut || 2), 2 + sum(100));
        };
        // Less than what a level needs: each has a larger one.
        kind.build(builder(procs).segment_size(1)).run(main).unwrap();
    });
}

#[test]
fn without_room_for_a_segment_nothing_grows() {
    on_each_kind(|kind, procs| {
        let main = || {
            assert_eq!(grow::call(1024, || 4), 4, "it fits");
            assert!(grow::try_call(1 << 20, || ()).is_err());
        };
        kind.build(builder(procs).segment_limit(0)).run(main).unwrap();
    });
}

#[test]
fn a_thread_that_runs_no_goroutine_has_the_stack_that_it_has() {
    assert_eq!(grow::remaining(), usize::MAX);
    assert_eq!(grow::call(usize::MAX, || 5), 5);
    assert_eq!(grow::try_call(1 << 40, || 6), Ok(6));
    assert_eq!(grow::trim(), 0);
    assert!(panic_text(|| grow::call(0, || ())).contains("0 bytes"));
}

/// Has so many segments, and says when it has no more.
struct Few {
    left: AtomicUsize,
    source: SlabSource,
}

// SAFETY: as the source that it forwards to.
unsafe impl StackSource for Few {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        let less = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => self.source.alloc(class),
            Err(_) => Err(StackError::OutOfMemory),
        }
    }

    unsafe fn free(&self, stack: Stack) {
        self.left.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller ensures.
        unsafe { self.source.free(stack) };
    }
}

/// Runs `main` on a scheduler of each kind that is given `few` segments, or no source.
fn with_few(few: Option<usize>, main: fn()) {
    for mobility in common::Threads::ALL.map(common::Threads::mobility) {
        bounded("a scheduler with few segments", move || {
            own::register();
            let mut scheduler = Scheduler::<own::Own>::new(own::config(2, mobility, true));
            if let Some(few) = few {
                let source = SlabSource::builder().build();
                let source = Few { left: AtomicUsize::new(few), source };
                let class = Class::for_size(64 << 10).unwrap();
                scheduler = scheduler.segments(Box::leak(Box::new(source)), class, 1 << 30);
            }
            let scheduler: &'static _ = Box::leak(Box::new(scheduler));
            let ended = scheduler.run(main).unwrap();
            if let Some(Err(panic)) = ended.result {
                std::panic::resume_unwind(panic);
            }
            assert_eq!(ended.left_behind, 0);
        });
    }
}

#[inline(never)]
fn own_deep(levels: u64) -> Result<u64, Error> {
    own::rt::grow::try_call(48 << 10, || {
        if levels == 0 { Ok(0) } else { Ok(own_deep(levels - 1)? + black_box(1)) }
    })?
}

/// Needs more than there is, again and again.
#[inline(never)]
fn needs_more(n: u64) -> u64 {
    own::rt::grow::call(own::rt::grow::remaining() + 8192, || needs_more(n + 1)) + black_box(n)
}

#[test]
fn a_source_that_runs_dry_is_an_error_in_the_middle() {
    with_few(Some(10), || {
        for _ in 0..5 {
            assert_eq!(own_deep(1000), Err(Error::Segment(StackError::OutOfMemory)));
            let again = own::rt::grow::try_call(150 << 10, || own_deep(5));
            assert_eq!(again, Ok(Ok(5)), "what was given back serves again");
        }
        let said = panic_text(|| needs_more(0));
        assert!(
            said.contains("no segment: goroutine 1 main, ") && said.contains("memory"),
            "{said}"
        );
        assert!(own::rt::go(|| own_deep(1000)).join().unwrap().is_err());
        assert!(own::rt::grow::trim() > 0, "what is larger than usual is kept over a wait");
        assert_eq!(own::rt::grow::call(150 << 10, || own_deep(5)), Ok(5));
        assert!(own::rt::grow::trim() > 0);
    });
    with_few(Some(0), || {
        assert_eq!(own_deep(1000), Err(Error::Segment(StackError::OutOfMemory)));
        let said = panic_text(|| own::rt::grow::call(1 << 20, || ()));
        assert!(said.contains("no segment: goroutine 1 main, started at "), "{said}");
    });
}

#[test]
fn a_scheduler_without_a_source_says_so() {
    with_few(None, || {
        assert_eq!(own::rt::grow::call(1024, || 3), 3);
        assert_eq!(own::rt::grow::try_call(1 << 20, || ()), Err(Error::NoSegments));
        let said = panic_text(|| own::rt::grow::call(1 << 20, || ()));
        assert!(said.contains("no source of segments") && said.contains("main"), "{said}");
        assert_eq!(own::rt::grow::trim(), 0);
    });
}

#[test]
fn what_is_left_behind_on_a_segment_harms_nothing() {
    on_each_kind(|kind, procs| {
        let main = || {
            let (began, has_begun) = channel::<()>(0);
            let (tx, rx) = channel::<u64>(0);
            std::mem::forget(go(move || {
                deep(100, &AtomicUsize::new(0), &mut || {
                    began.send(()).unwrap();
                    rx.recv().unwrap_or(0)
                })
            }));
            has_begun.recv().unwrap();
            std::mem::forget(tx);
        };
        let ended = kind.build(builder(procs).grace(Duration::ZERO)).run_counted(main).unwrap();
        assert!(ended.left_behind <= 1);
    });
}

#[test]
fn values_pass_the_boundary_whole_and_once() {
    on_each_kind(|kind, procs| {
        let main = || {
            let drops = AtomicUsize::new(0);
            let far = 300 << 10;
            // In, and out.
            let large = grow::call(far, || [3u64; 512]);
            assert!(large.iter().all(|&n| n == 3));
            let captured = [4u64; 512];
            assert_eq!(grow::call(far, move || captured[511]), 4);
            let counts = grow::call(far, || Counts(&drops));
            assert_eq!(drops.load(Ordering::Relaxed), 0);
            grow::call(far, move || drop(counts));
            assert_eq!(drops.load(Ordering::Relaxed), 1);
            std::mem::forget(grow::call(far, || Counts(&drops)));
            let counts = Counts(&drops);
            grow::call(far, move || std::mem::forget(counts));
            assert_eq!(drops.load(Ordering::Relaxed), 1);
            // A panic in the drop of what was captured, and of a value that is unwound.
            struct Bang;
            impl Drop for Bang {
                fn drop(&mut self) {
                    quiet_panic("bang");
                }
            }
            let bang = Bang;
            assert_eq!(panic_text(|| grow::call(far, move || drop(bang))), "bang");
            let bang = Bang;
            assert_eq!(panic_text(|| drop(grow::call(far, move || bang))), "bang");
            let bang = Bang;
            assert_eq!(panic_text(|| grow::try_call(usize::MAX, move || drop(bang))), "bang");
            // A zero-sized closure and result; one that is aligned.
            grow::call(far, || ());
            #[repr(align(64))]
            struct Aligned(u8);
            let aligned = Aligned(9);
            let back = grow::call(far, move || {
                assert!((&raw const aligned).addr().is_multiple_of(64));
                aligned
            });
            assert!((&raw const back).addr().is_multiple_of(64) && back.0 == 9);
        };
        kind.build(builder(procs).stack_size(256 << 10)).run(main).unwrap();
    });
}

/// Fills its stack, whatever lies there.
#[inline(never)]
fn fills(n: u64) -> u64 {
    let frame = black_box([n; 64]);
    if n == u64::MAX { 0 } else { fills(n + 1) + frame[3] }
}

#[test]
fn an_overflow_of_a_segment_names_the_goroutine() {
    in_children(
        "an_overflow_of_a_segment_names_the_goroutine",
        |kind, procs| {
            let main = || {
                let _ = go_named("deep one", || {
                    deep(30, &AtomicUsize::new(0), &mut || grow::call(100 << 10, || fills(0)))
                })
                .join();
            };
            kind.build(builder(procs)).run(main).unwrap();
        },
        |kind, procs, out, said| {
            assert!(!out.status.success(), "{kind:?} with {procs} procs");
            for part in [
                "stack overflow: goroutine ",
                " deep one, started at sched/tests/segments.rs:",
                "has filled a segment of its stack",
            ] {
                assert!(said.contains(part), "no {part:?}: {said}");
            }
        },
    );
}

#[test]
fn a_signal_handler_grows_nothing() {
    extern "C" fn handler(_: libc::c_int) {
        // More than any stack has, so that it does not matter where the alternate one lies.
        grow::call(isize::MAX as usize, || ());
    }
    in_children(
        "a_signal_handler_grows_nothing",
        |kind, procs| {
            let main = || {
                let _ = go_named("interrupted", || {
                    // SAFETY: a handler that runs on the thread's alternate stack, and ends the program.
                    unsafe {
                        let mut action: libc::sigaction = std::mem::zeroed();
                        action.sa_sigaction = handler as *const () as usize;
                        action.sa_flags = libc::SA_ONSTACK;
                        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut());
                        libc::raise(libc::SIGUSR1);
                    }
                })
                .join();
            };
            kind.build(builder(procs)).run(main).unwrap();
        },
        |kind, procs, out, said| {
            assert!(!out.status.success(), "{kind:?} with {procs} procs");
            assert!(
                said.contains("a stack cannot grow in code that runs on another one (L14)"),
                "{said}"
            );
            assert!(said.contains("(interrupted), started at "), "{said}");
        },
    );
}
