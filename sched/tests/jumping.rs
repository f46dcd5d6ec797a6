//! Goroutines whose panics need no unwinder: a platform with `Own`, on Linux threads.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Threads, bounded};
use g0_defer::{Own as Unwinder, Thrown, Unwind};
use g0_sched::generic::{channel, deferring, goexit, recovering};
use g0_sched::{Defers, PlainFrames, Platform, Scheduler};
use own::as_own;
use rt::{go, yield_now};

/// std's threads; panics jump.
#[derive(Debug)]
enum Jumping {}
type Panics = Unwinder<Defers<Jumping>>;

mod rt {
    g0_sched::platform!(super::Jumping);
}

// SAFETY: all that a platform promises is `Own`'s.
unsafe impl Platform for Jumping {
    type Unwind = Panics;

    as_own!(whole);
}

g0_sched::default_parts!(Jumping);

// SAFETY: what these tests throw over may all be leaked: counters, channel ends, numbers.
unsafe impl PlainFrames for Jumping {}

/// Runs `main` on schedulers of each kind with one P and with two.
fn on_every_scheduler(main: impl Fn() + Clone + Send + Sync + 'static) {
    for (procs, threads) in [1, 2].into_iter().flat_map(|n| Threads::ALL.map(|kind| (n, kind))) {
        let main = main.clone();
        bounded("panics that jump", move || {
            own::register();
            let config = own::config(procs, threads.mobility(), false);
            let scheduler: &'static Scheduler<Jumping> =
                Box::leak(Box::new(Scheduler::new(config)));
            let ended = scheduler.run(main).unwrap();
            assert!(ended.result.is_some_and(|result| result.is_ok()));
            assert_eq!(ended.left_behind, 0);
        });
    }
}

fn number(thrown: Thrown<Defers<Jumping>>) -> u32 {
    thrown.downcast::<u32>().expect("a number")
}

#[test]
fn a_panic_goes_to_the_handle() {
    on_every_scheduler(|| {
        for n in 0..50_u32 {
            let handle = go(move || -> () {
                yield_now();
                Panics::panic(n)
            });
            assert_eq!(number(handle.join().unwrap_err()), n);
        }
    });
}

#[test]
fn goexit_runs_deferred_calls_that_park_and_recover_there_gives_none() {
    on_every_scheduler(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = channel::<u32, Jumping>(0);
        let seen = runs.clone();
        let leaving = go(move || {
            recovering::<Jumping, ()>(|s| {
                for n in 1..=3 {
                    let (seen, tx) = (&seen, &tx);
                    s.defer_recover(move |r| {
                        assert!(r.recover().is_none());
                        yield_now();
                        tx.send(n).unwrap();
                        seen.fetch_add(1, Ordering::Relaxed);
                    });
                }
                goexit::<Jumping>()
            });
        });
        assert_eq!([rx.recv(), rx.recv(), rx.recv()], [Ok(3), Ok(2), Ok(1)]);
        let payload = leaving.join().unwrap_err();
        assert!(Panics::is_goexit(&payload));
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn panics_are_recovered_across_parks_and_do_not_mix() {
    on_every_scheduler(|| {
        let all: Vec<_> = (0..40_u32)
            .map(|n| {
                go(move || {
                    let mut sum = 0;
                    for round in 0..50 {
                        let got = Cell::new(0);
                        let value = recovering::<Jumping, ()>(|s| {
                            s.defer_recover(|r| {
                                yield_now();
                                got.set(number(r.recover().unwrap()));
                            });
                            s.defer(yield_now);
                            yield_now();
                            Panics::panic(n + round)
                        });
                        assert!(value.is_none());
                        sum += got.get() - round;
                    }
                    sum
                })
            })
            .collect();
        for (n, one) in (0..).zip(all) {
            assert_eq!(one.join().unwrap(), 50 * n);
        }
    });
}

#[test]
fn the_newest_of_panic_and_goexit_decides() {
    on_every_scheduler(|| {
        let ended = go(|| {
            deferring::<Jumping, ()>(|s| {
                s.defer(|| goexit::<Jumping>());
                Panics::panic("replaced by a goexit")
            })
        });
        assert!(Panics::is_goexit(&ended.join().unwrap_err()));
        let ended = go(|| {
            deferring::<Jumping, ()>(|s| {
                s.defer(|| {
                    yield_now();
                    Panics::panic("after the goexit")
                });
                goexit::<Jumping>()
            })
        });
        let payload = ended.join().unwrap_err();
        assert!(!Panics::is_goexit(&payload));
        assert_eq!(payload.to_string(), "panic: after the goexit");
        assert_eq!(payload.iter().count(), 2);
    });
}

#[test]
fn what_is_joined_elsewhere_is_dropped_there() {
    on_every_scheduler(|| {
        let handle = go(|| -> () { Panics::panic([7_u64; 20]) });
        let thread = std::thread::spawn(move || {
            let thrown = handle.join().unwrap_err();
            assert_eq!(thrown.newest().downcast_ref(), Some(&[7_u64; 20]));
        });
        // Between goroutines and threads nothing else is under way.
        while !thread.is_finished() {
            yield_now();
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_scope_waits_before_what_was_thrown_in_its_body_goes_on() {
    on_every_scheduler(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        for end in [|| Panics::panic(7_u32), || goexit::<Jumping>()] as [fn() -> (); 2] {
            let runs = runs.clone();
            let before = runs.load(Ordering::Relaxed);
            let theirs = runs.clone();
            let ended = go(move || {
                let mut parts = [0_u8; 5];
                rt::scope(|s| {
                    for part in &mut parts {
                        let runs = &theirs;
                        s.go(move || {
                            (0..20).for_each(|_| yield_now());
                            *part += 1;
                            runs.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                    yield_now();
                    end();
                });
            });
            let thrown = ended.join().unwrap_err();
            assert!(Panics::is_goexit(&thrown) || number(thrown) == 7);
            assert_eq!(runs.load(Ordering::Relaxed), before + 5);
        }
    });
}

/// std's threads, where nothing unwinds; scopes that name it catch a jump.
#[derive(Debug)]
enum Plain {}
type Jumps = Unwinder<Defers<Plain>>;

mod plain {
    g0_sched::platform!(super::Plain);
}

// SAFETY: all that a platform promises is `Own`'s.
unsafe impl Platform for Plain {
    type Unwind = g0_defer::NoUnwind;

    as_own!(whole);
}

g0_sched::default_parts!(Plain);

// SAFETY: as of the other.
unsafe impl PlainFrames for Plain {}

fn with_segments<P: Platform>(main: impl Fn() + Clone + Send + Sync + 'static) {
    for (procs, threads) in [1, 2].into_iter().flat_map(|n| Threads::ALL.map(|kind| (n, kind))) {
        let main = main.clone();
        bounded("panics that jump over segments", move || {
            own::register();
            let config = own::config(procs, threads.mobility(), false);
            let scheduler = Scheduler::<P>::new(config);
            let class = g0_stack::Class::for_size(64 << 10).unwrap();
            let scheduler = scheduler.segments(config.stacks, class, 16 << 20);
            let scheduler: &'static Scheduler<P> = Box::leak(Box::new(scheduler));
            let ended = scheduler.run(main).unwrap();
            assert!(ended.result.is_some_and(|result| result.is_ok()));
            assert_eq!(ended.left_behind, 0);
        });
    }
}

#[inline(never)]
fn deep<P: Platform>(levels: u32, end: &mut dyn FnMut()) {
    g0_sched::generic::grow::call::<P, _>(40 << 10, || {
        std::hint::black_box(&[levels as u8; 24 << 10]);
        if levels == 0 { end() } else { deep::<P>(levels - 1, end) }
    });
    std::hint::black_box(&levels);
}

#[test]
fn a_panic_that_jumps_leaves_segments() {
    // A segment's base is a catch.
    with_segments::<Jumping>(|| {
        let left = rt::grow::remaining();
        for levels in [0, 1, 7, 20] {
            let caught = Panics::catch(|| deep::<Jumping>(levels, &mut || Panics::panic(levels)));
            assert_eq!(number(caught.unwrap_err()), levels);
            assert_eq!(rt::grow::remaining(), left);
        }
        rt::go(|| deep::<Jumping>(9, &mut || goexit::<Jumping>())).join().unwrap_err();
    });
    // A base is none: the jump leaves several segments at once.
    with_segments::<Plain>(|| {
        let left = plain::grow::remaining();
        for levels in [0, 1, 7, 20] {
            for _ in 0..2 {
                let caught = Jumps::catch(|| {
                    deep::<Plain>(levels, &mut || {
                        let inner = Jumps::catch(|| {
                            deep::<Plain>(3, &mut || {
                                plain::yield_now();
                                Jumps::panic(1u32)
                            });
                        });
                        assert_eq!(inner.unwrap_err().downcast::<u32>().unwrap(), 1);
                        Jumps::panic(levels)
                    });
                });
                assert_eq!(caught.unwrap_err().downcast::<u32>().unwrap(), levels);
                assert_eq!(plain::grow::remaining(), left, "it is on its first stack again");
            }
            assert!(levels < 7 || plain::grow::trim() > 0);
        }
        plain::go(|| {
            let caught = Jumps::catch(|| deep::<Plain>(9, &mut || Jumps::panic(2u32)));
            assert!(caught.is_err());
        })
        .join()
        .unwrap_or_else(|never| match never {});
    });
}
