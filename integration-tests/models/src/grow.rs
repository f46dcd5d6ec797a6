//! Stacks that grow: not under a scheduler's lock, and not in foreign state (L14); and what is taken from a P for it is
//! taken by that P's owner (L18), though a goroutine grows in the middle of its computing.
//!
//! A goroutine that breaks the first is ended with a message. Here that is a panic, which goes no further than the
//! goroutine's own frames.

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use g0_cgo::{Bridge, Sched};
use g0_sched::generic::{JoinHandle, grow, yield_now};
use g0_sched::hooks;
use g0_sched::model::{Shape, clock, run_on};
use loom::thread;

use crate::exec::go;
use crate::runner::{self, Model, Scenario, seen};
use crate::world::Threads;

pub const MODEL: Model = Model {
    name: "grow",
    scenarios: &[
        Scenario { name: "inside", invariants: "L14", extra: 0, run: inside },
        Scenario { name: "foreign", invariants: "L14", extra: 0, run: foreign },
        Scenario { name: "evicted", invariants: "L18", extra: -1, run: evicted },
    ],
};

/// More than a goroutine's stack has, and less than a segment.
const NEED: usize = 300 << 10;

/// More than ten milliseconds, after which what computes loses its P.
const TURN: u64 = 25_000_000;

/// Grows, waits on the segment, and grows there once more; returns how often it was on a segment.
fn grows() -> usize {
    let on = Cell::new(0);
    grow::call::<Threads, _>(NEED, || {
        on.set(on.get() + 1);
        let frame = black_box([on.get(); 64]);
        yield_now::<Threads>();
        assert!(
            grow::call::<Threads, _>(NEED, || black_box(frame)[63]) == 1,
            "L14: a frame is lost"
        );
        on.set(on.get() + 1);
    });
    on.get()
}

/// Returns whether growth was refused, in a way that ends programs, where `asks` asks for it.
fn is_fatal(asks: impl FnOnce()) -> bool {
    runner::expect("a stack cannot grow", || catch_unwind(AssertUnwindSafe(asks)).is_err())
}

fn join(handle: JoinHandle<usize, Threads>) {
    assert_eq!(handle.join().unwrap_or_else(|never| match never {}), 2);
}

/// The scheduler's own code asks for growth, inside, while another goroutine grows.
fn inside() {
    run_on::<Threads>(Shape::new(2), || {
        let other = go(grows);
        let refused =
            hooks::inside::<Threads, _>(|| is_fatal(|| grow::call::<Threads, _>(NEED, || ())));
        assert!(refused, "L14: a stack has grown under a scheduler's lock");
        assert_eq!(grows(), 2);
        seen();
        join(other);
    });
}

/// Foreign code asks for growth, on the system stack.
fn foreign() {
    run_on::<Threads>(Shape::new(2), || {
        let other = go(grows);
        let refused =
            Bridge::<Sched<Threads>>::call(|| is_fatal(|| grow::call::<Threads, _>(NEED, || ())));
        assert!(refused, "L14: a stack has grown in foreign state");
        assert_eq!(grows(), 2);
        seen();
        join(other);
    });
}

/// A goroutine grows while sysmon takes its P, on which another one grows then.
fn evicted() {
    clock::start();
    run_on::<Threads>(Shape { machines: 2, ..Shape::new(1) }, || {
        let other = go(grows);
        let core = hooks::this_core::<Threads>();
        let sysmon = thread::spawn(move || {
            hooks::retake::<Threads>(core);
            clock::advance(TURN);
            hooks::retake::<Threads>(core)
        });
        assert_eq!(grows(), 2);
        if sysmon.join().unwrap() {
            seen();
        }
        join(other);
    });
}
