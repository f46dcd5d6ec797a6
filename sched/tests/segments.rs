//! Goroutines whose stacks grow by segments: what they do on a later one, and how they leave it.

mod common;

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{on_each_kind, quiet_panic};
use g0_sched::{Builder, Runtime, channel, go, goexit, grow, yield_now};

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
