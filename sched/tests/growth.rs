//! What Go's tests demand of stacks that grow (part D of `integration-tests/CONFORMANCE.md`): where goroutines grow, at
//! which depth, and that what comes and goes with them is whole and bounded.

mod common;
mod rows;

/// The platform whose operations are the rows.
mod under_test {
    pub use g0_sched::*;
    pub type P = Hosted;
}

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{on_each_kind, quiet_panic, text};
use g0_defer::Panics;
use g0_sched::{
    Builder, Mutex, Runtime, channel, deferring, go, goexit, grow, lock_os_thread, recovering,
    select, sleep, stats, unlock_os_thread, yield_now,
};
use rows::{MAY, Op, UNCUT, op};

/// What a level may put on the stack: a wait in a build that is not optimised takes most of it.
const NEED: usize = 16 << 10;

/// Small stacks.
fn builder(procs: usize) -> Builder {
    Runtime::builder().procs(procs).stack_size(32 << 10)
}

/// A frame, and the way to those beneath.
struct Frame<'a> {
    word: Cell<u64>,
    beneath: Option<&'a Frame<'a>>,
}

/// Goes so many levels down, each with a pointer to the frames beneath; at the deepest one it calls `end`, and then
/// reads and writes all of them by these pointers. Each looks for what was written, and at its other words.
#[inline(never)]
fn grows(levels: u64, beneath: Option<&Frame<'_>>, end: &mut dyn FnMut()) {
    grow::call(NEED, || {
        let bytes = black_box([levels; 128]);
        let frame = Frame { word: Cell::new(levels), beneath };
        if levels > 0 {
            grows(levels - 1, Some(&frame), end);
        } else {
            end();
            let mut next = Some(&frame);
            for level in 0.. {
                let Some(frame) = next else { break };
                assert_eq!(frame.word.replace(!level), level);
                next = frame.beneath;
            }
        }
        assert_eq!(frame.word.get(), !levels);
        assert!(black_box(&bytes).iter().all(|&word| word == levels));
    });
}

/// A value whose end needs more stack than a goroutine has, and is counted.
struct GrowsAtItsEnd(Arc<AtomicUsize>);

impl Drop for GrowsAtItsEnd {
    fn drop(&mut self) {
        grows(30, None, &mut || ());
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn stacks_grow_in_goroutines_locked_ones_and_what_runs_at_their_end() {
    on_each_kind(|kind, procs| {
        let ends = Arc::new(AtomicUsize::new(0));
        let counted = ends.clone();
        let main = move || {
            grows(200, None, &mut yield_now);
            go(|| grows(200, None, &mut yield_now)).join().unwrap();
            go(|| {
                lock_os_thread();
                grows(200, None, &mut yield_now);
                unlock_os_thread();
                grows(200, None, &mut yield_now);
                lock_os_thread();
                grows(200, None, &mut yield_now);
                // It ends with its thread.
            })
            .join()
            .unwrap();
            let ends = || GrowsAtItsEnd(counted.clone());
            let (one, two, three) = (ends(), ends(), ends());
            // At a return, a panic, a Goexit; deferred, in a destructor, and with a result that is not taken.
            go(move || drop(one)).join().unwrap();
            let panics = go(move || {
                let _two = two;
                quiet_panic("at its end")
            });
            let panics: Result<(), _> = panics.join();
            assert!(panics.is_err());
            let exits = go(move || {
                deferring(|s| {
                    s.defer(|| grows(100, None, &mut yield_now));
                    s.defer(|| grows(30, None, &mut || drop(go(|| ()).join())));
                    let _three = three;
                    grows(20, None, &mut || goexit())
                });
            });
            assert!(exits.join().is_err());
            let four = ends();
            drop(go(move || four));
            // At the end of the run.
            let (began, has_begun) = channel::<()>(0);
            let (tx, rx) = channel::<()>(0);
            for locks in [false, true] {
                let (five, began, rx) = (ends(), began.clone(), rx.clone());
                drop(go(move || {
                    if locks {
                        lock_os_thread();
                    }
                    let _five = five;
                    grows(40, None, &mut || {
                        began.send(()).unwrap();
                        let _ = rx.recv();
                    });
                }));
                has_begun.recv().unwrap();
            }
            std::mem::forget(tx);
        };
        let ended = kind.build(builder(procs).grace(Duration::from_secs(20))).run_counted(main);
        assert_eq!(ended.unwrap().left_behind, 0);
        assert_eq!(ends.load(Ordering::Relaxed), 6);
    });
}

/// Goes down, in small steps, until so many bytes are left at most, and calls `end` there.
#[inline(never)]
fn down_to(left: usize, end: &mut dyn FnMut()) {
    if grow::remaining() > left {
        down_to(left, end);
        black_box(left);
    } else {
        end();
    }
}

/// Operations that wait, where the rows' may: with another goroutine, for a length of time.
fn waits() -> Vec<(&'static str, Op)> {
    let ((to, theirs), (back, from)) = (channel::<u64>(0), channel::<u64>(0));
    drop(go(move || theirs.iter().try_for_each(|n| back.send(n + 1))));
    let (silence, silent) = channel::<u64>(0);
    let lock = Arc::new(Mutex::new(0_u64));
    vec![
        (
            "a rendezvous",
            op(move || {
                to.send(7).unwrap();
                assert_eq!(from.recv(), Ok(8));
            }),
        ),
        ("a sleep", op(|| sleep(Duration::from_micros(1)))),
        (
            "a select that times out",
            op(move || {
                let _ = &silence;
                select! {
                    recv(silent) -> _ => unreachable!("nothing is sent"),
                    default(Duration::from_micros(1)) => (),
                }
            }),
        ),
        (
            "a lock that another goroutine has",
            op(move || {
                let (held, is_held) = channel::<()>(0);
                let theirs = lock.clone();
                let holder = go(move || {
                    let mut guard = theirs.lock().unwrap();
                    held.send(()).unwrap();
                    yield_now();
                    *guard += 1;
                });
                is_held.recv().unwrap();
                *lock.lock().unwrap() += 1;
                holder.join().unwrap();
            }),
        ),
    ]
}

#[test]
fn a_stack_grows_at_any_depth_at_which_an_operation_begins() {
    on_each_kind(|kind, procs| {
        let main = || {
            let mut all = waits();
            all.extend(MAY.iter().chain(UNCUT).map(|&(name, make)| (name, make())));
            let segmented = Cell::new([0_usize; 2]);
            for left in (0..NEED + 2048).step_by(320) {
                down_to(left, &mut || {
                    let own = grow::remaining();
                    for (name, operation) in &mut all {
                        let word = black_box(left);
                        grow::call(NEED, || {
                            let mut counts = segmented.get();
                            counts[usize::from(grow::remaining() > own)] += 1;
                            segmented.set(counts);
                            operation();
                        });
                        assert_eq!(black_box(word), left, "{name}, with {left} bytes left");
                    }
                });
            }
            let [in_place, grown] = segmented.get();
            assert!(in_place > all.len() && grown > 40 * all.len(), "{in_place}, {grown}");
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

/// So many levels, each with deferred calls that give its segments away, and use them again; the deepest one panics,
/// and a deferred call of each panics anew.
#[inline(never)]
fn panics_at_each_level(levels: usize) {
    struct Trims;
    impl Drop for Trims {
        fn drop(&mut self) {
            grow::trim();
            grows(5, None, &mut || ());
        }
    }
    grow::call(NEED, || {
        let _trims = Trims;
        let ran = Cell::new(0);
        // Records in the frame, in caches and in the allocator.
        let (one, four, many) = (levels, black_box([levels; 4]), black_box([levels; 40]));
        let calls = AssertUnwindSafe(|| {
            deferring(|s| {
                let ran = &ran;
                s.defer(move || quiet_panic(["even", "odd"][one % 2]));
                for n in 0..6 {
                    s.defer(move || {
                        assert_eq!((four, ran.replace(7 - n)), ([one; 4], 6 - n));
                        grows(3, None, &mut yield_now);
                        grow::trim();
                    });
                }
                s.defer(move || {
                    assert!(many.iter().all(|&word| word == one));
                    assert_eq!(ran.replace(1), 0);
                    grow::trim();
                    yield_now();
                });
                let _trims = Trims;
                if levels == 0 { quiet_panic("deepest") } else { panics_at_each_level(levels - 1) }
            });
        });
        let payload = catch_unwind(calls).unwrap_err();
        assert_eq!(ran.get(), 7);
        std::panic::resume_unwind(payload)
    })
}

#[test]
fn panics_and_deferred_calls_outlive_the_segments_that_go_while_they_unwind() {
    const LEVELS: usize = 40;
    on_each_kind(|kind, procs| {
        let main = || {
            // It has what they give away, and writes over it.
            let over = Arc::new(AtomicBool::new(false));
            let stop = over.clone();
            let other = go(move || {
                while !stop.load(Ordering::Relaxed) {
                    grows(60, None, &mut yield_now);
                    yield_now();
                }
            });
            for _ in 0..3 {
                let joined = go(|| panics_at_each_level(LEVELS)).join();
                let recovered = Cell::new(None);
                recovering(|r| {
                    r.defer_recover(|panic| recovered.set(panic.recover()));
                    panics_at_each_level(LEVELS);
                });
                for payload in [joined.unwrap_err(), recovered.take().expect("a panic")] {
                    let all = Panics::of(payload);
                    assert_eq!(all.iter().len(), LEVELS + 2);
                    let said: Vec<_> = all.iter().map(|one| text(&**one)).collect();
                    assert_eq!(said[0], "deepest");
                    for (level, said) in said[1..].iter().enumerate() {
                        assert_eq!(*said, ["even", "odd"][level % 2]);
                    }
                }
            }
            over.store(true, Ordering::Relaxed);
            other.join().unwrap();
            grow::trim();
            assert_eq!(stats().unwrap().segments.in_use, 0);
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn goroutines_that_grow_and_give_back_again_and_again_leave_the_caches_whole() {
    const ROUNDS: u64 = 8;
    on_each_kind(|kind, procs| {
        let main = move || {
            let many = kind.at_most(200) as u64;
            for round in 0..ROUNDS {
                let goroutines: Vec<_> = (0..many)
                    .map(|n| {
                        go(move || {
                            // Several at a time are deep, and those that are done give back in between.
                            let levels = 1 + (n * 7 + round * 13) % 60;
                            grows(levels, None, &mut yield_now);
                            match (n + round) % 3 {
                                0 => assert!(grow::trim() > 0 || levels < 30),
                                1 => sleep(Duration::from_micros(1)),
                                _ => {}
                            }
                            // Of another size, too.
                            let size = (70 << 10) << (n % 3);
                            grow::call(size, || grows(levels / 2, None, &mut yield_now));
                        })
                    })
                    .collect();
                goroutines.into_iter().for_each(|one| one.join().unwrap());
                let segments = stats().unwrap().segments;
                assert_eq!((segments.in_use, segments.bytes_in_use), (0, 0), "{segments:?}");
                assert_eq!(segments.bytes, segments.free * (64 << 10), "{segments:?}");
                // A depot with more than 128 gives them to their source; a park may come after its last look.
                assert!(segments.free <= 256, "{segments:?}");
            }
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}

#[test]
fn the_stacks_of_many_batches_of_goroutines_are_those_of_a_few() {
    const FEW: usize = 5;
    on_each_kind(|kind, procs| {
        let main = move || {
            let batch = || {
                let deep = || {
                    grows(20, None, &mut yield_now);
                    // What is kept goes to the P.
                    sleep(Duration::from_micros(1));
                };
                let all: Vec<_> = (0..kind.at_most(64)).map(|_| go(deep)).collect();
                all.into_iter().for_each(|one| one.join().unwrap());
                let stats = stats().unwrap();
                (stats.stacks.reserved, stats.segments.bytes)
            };
            let few = (0..FEW).map(|_| batch()).max().unwrap();
            let many = (0..15 * FEW).map(|_| batch()).max().unwrap();
            // If none were used again there would be fifteen times as many.
            assert!(few.0 > 0 && many.0 <= 4 * few.0, "{few:?}, {many:?}");
        };
        kind.build(builder(procs)).run(main).unwrap();
    });
}
