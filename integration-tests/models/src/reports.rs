//! What is read from outside, while goroutines run: numbers and reports that are never of two goroutines, and add up.
//!
//! Of the counts, which nothing is decided by, models see nothing (`parts::stat_atomic`); of the words that are
//! shared with the scheduler's protocols they do.

use g0_cgo::{Bridge, Sched};
use g0_sched::generic::{current, park, stats};
use g0_sched::model::{Shape, run_on};
use g0_sched::{GoroutineState, hooks};

use crate::exec::go;
use crate::runner::{Model, Scenario, seen};
use crate::world::Threads;

pub const MODEL: Model = Model {
    name: "reports",
    scenarios: &[
        Scenario { name: "numbers", invariants: "L15,L18", extra: 0, run: numbers },
        Scenario { name: "goroutines", invariants: "L15,L18", extra: 0, run: goroutines },
    ],
};

/// A goroutine asks for the numbers while another one parks, is in C, and ends.
fn numbers() {
    run_on::<Threads>(Shape { symmetric: false, ..Shape::new(2) }, || {
        let main = current::<Threads>().expect("a goroutine");
        let other = go(move || Bridge::<Sched<Threads>>::call(|| main.id()));
        let numbers = stats::<Threads>().expect("a goroutine asks");
        let (goroutines, ms, ps) = (numbers.goroutines, numbers.machines, numbers.procs);
        assert!((1..=2).contains(&goroutines.all()), "L15: {} goroutines of two", goroutines.all());
        assert!(ms.all() <= 2, "L15: {} Ms of two", ms.all());
        assert_eq!((ps.busy + ps.idle, ps.retired), (2, 0), "L18: a P is counted twice or not");
        if goroutines.foreign == 1 {
            seen();
        }
        other.join().unwrap_or_else(|never| match never {});
    });
}

/// A thread goes through all goroutines while one begins, parks, is woken and ends.
fn goroutines() {
    run_on::<Threads>(Shape { symmetric: false, ..Shape::new(1) }, || {
        let core = hooks::this_core::<Threads>();
        let looks = loom::thread::spawn(move || {
            let all = hooks::seen(core, 0);
            assert!(all.len() <= 2, "L15: {} goroutines of two", all.len());
            let waits = |state| matches!(state, GoroutineState::Waits(_));
            if all.iter().any(|one| waits(one.state)) {
                seen();
            }
            assert!(hooks::traced(core).starts_with("g0 0 ms: 1 Ps"), "L18: a P is not counted");
        });
        let main = current::<Threads>().expect("a goroutine");
        let other = go(move || main.unpark());
        park::<Threads>();
        other.join().unwrap_or_else(|never| match never {});
        Bridge::<Sched<Threads>>::call(|| looks.join().unwrap());
    });
}
