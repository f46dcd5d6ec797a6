//! A goroutine's label, read by a thread that looks from outside while the G is used again: all of one
//! goroutine's, or none (L15).
//!
//! What is torn would be a name's first byte and another name's length. The names lie in one text, so that here
//! too every such pair is one that may be read.

use std::panic::Location;

use g0_sched::hooks::Labelled;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::runner::{Model, Scenario, seen};

pub const MODEL: Model = Model {
    name: "label",
    scenarios: &[
        Scenario { name: "again", invariants: "L15", extra: 2, run: again },
        Scenario { name: "parked", invariants: "L15", extra: 1, run: parked },
    ],
};

/// The first has the name that is shorter and begins earlier.
static TEXT: &str = "one, and a second";

/// What belongs together: number, name, and line of the start.
fn labels() -> [(u64, &'static str, &'static Location<'static>); 2] {
    #[track_caller]
    fn here() -> &'static Location<'static> {
        Location::caller()
    }
    let first = here();
    [(1, &TEXT[..3], first), (2, &TEXT[5..], here())]
}

fn start(label: &Labelled, i: usize) {
    let (id, name, site) = labels()[i];
    label.start(id, name, site);
}

/// Looks, and returns which of the two it was.
fn look(label: &Labelled) -> Option<usize> {
    let (id, name, line) = label.look()?;
    let is = |&(i, n, site): &(u64, &str, &Location<'_>)| (id, name, line) == (i, n, site.line());
    let found = labels().iter().position(is);
    assert!(found.is_some(), "L15: a label of two goroutines: {id} {name:?} line {line}");
    found
}

/// A goroutine ends, and the next starts there.
fn again() {
    let label = Arc::new(Labelled::new());
    start(&label, 0);
    let looker = {
        let label = label.clone();
        thread::spawn(move || look(&label))
    };
    label.end();
    start(&label, 1);
    assert_eq!(label.held(), (2, &TEXT[5..]));
    if looker.join().unwrap() == Some(1) {
        seen();
    }
}

/// The next one has started and parks, on another thread than started it: its state is of that thread, its
/// label is not.
fn parked() {
    let (label, queue) = (Arc::new(Labelled::new()), Arc::new(AtomicBool::new(false)));
    start(&label, 0);
    let looker = {
        let label = label.clone();
        thread::spawn(move || look(&label))
    };
    let runner = {
        let (label, queue) = (label.clone(), queue.clone());
        thread::spawn(move || {
            if queue.load(Ordering::Acquire) {
                label.park();
            }
        })
    };
    label.end();
    start(&label, 1);
    queue.store(true, Ordering::Release);
    runner.join().unwrap();
    if looker.join().unwrap() == Some(1) {
        seen();
    }
}
