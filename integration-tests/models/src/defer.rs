//! Caches of deferred calls' records: a record is in one place, and each call runs once (L16).
//!
//! Each thread is a P with a cache of its own; all share one depot. They run scopes of more calls
//! than a cache holds (four here), so that magazines go to the depot and come back, to whoever is first. A
//! record's header is plain memory: a record that two have at a time is a race, and loom reports it. One
//! that is in a cache twice is told by its state, and one that is lost by the count at the end.

use std::cell::Cell;
use std::ptr;

use g0_defer::{Cache, Depot, Local, NoUnwind, doors, scope_in};
use loom::sync::Arc;
use loom::thread;

use crate::runner::{Model, Scenario, seen};

pub const MODEL: Model = Model {
    name: "defer",
    scenarios: &[
        Scenario { name: "two", invariants: "L16", extra: 1, run: || ps([[5, 4], [5, 4]]) },
        Scenario {
            name: "three",
            invariants: "L16",
            extra: 0,
            run: || ps([[5, 4], [5, 3], [6, 5]]),
        },
        Scenario {
            name: "give-take",
            invariants: "L16",
            extra: 0,
            run: || ps([[8, 8], [6, 1], [3, 6]]),
        },
        Scenario { name: "nested", invariants: "L16", extra: 1, run: nested },
    ],
};

loom::thread_local! {
    /// The cache of the P that this thread is, and the depot that all share.
    static HERE: Cell<(*mut Cache, *const Depot)> = Cell::new((ptr::null_mut(), ptr::null()));
}

enum Ps {}

// SAFETY: each thread has set its own cache, and the closures do not come back to it.
unsafe impl Local for Ps {
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        let (cache, _) = HERE.with(Cell::get);
        // SAFETY: this thread's own, alive while its work lasts.
        Some(f(unsafe { &mut *cache }))
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        let (cache, depot) = HERE.with(Cell::get);
        // SAFETY: as above.
        Some(unsafe { f(Some(&mut *cache), &*depot) })
    }

    fn fatal(reason: &'static str) -> ! {
        panic!("{reason}")
    }
}

/// Runs `work` as a P, whose cache goes to the depot afterwards.
fn as_p(depot: &Depot, work: impl FnOnce()) {
    let mut cache = Cache::new();
    HERE.with(|here| here.set((&raw mut cache, depot)));
    work();
    cache.drain(depot);
}

/// Defers so many calls and checks that each has run once, newest first.
fn scope(calls: usize) {
    let left = Cell::new(calls);
    scope_in::<NoUnwind, Ps, _>(|s| {
        let left = &left;
        for i in 0..calls {
            s.defer(move || {
                assert_eq!(left.get(), i + 1, "L16: a call ran twice, or too early");
                left.set(i);
            });
        }
    });
    assert_eq!(left.get(), 0, "L16: a deferred call has not run");
}

/// What is left of a schedule: all records are somewhere, and in one place.
fn finish(depot: Arc<Depot>, wanted: usize) {
    drop(depot);
    let (made, gone) = doors::records();
    assert_eq!(made, gone, "L16: of {made} records {gone} are found again");
    if made < wanted {
        seen();
    }
}

/// Each P runs two scopes of so many calls. Alone each would need records for the larger one.
fn ps<const N: usize>(scopes: [[usize; 2]; N]) {
    doors::begin();
    let depot = Arc::new(Depot::new());
    let p = |[first, second]: [usize; 2]| {
        let depot = depot.clone();
        move || {
            as_p(&depot, || {
                scope(first);
                scope(second);
            });
        }
    };
    let threads: Vec<_> = scopes[1..].iter().map(|&scopes| thread::spawn(p(scopes))).collect();
    p(scopes[0])();
    for thread in threads {
        thread.join().expect("a P ends");
    }
    finish(depot, scopes.iter().map(|scopes| scopes[0].max(scopes[1])).sum());
}

/// Deferred calls that defer, on two Ps.
fn nested() {
    doors::begin();
    let depot = Arc::new(Depot::new());
    let work = |depot: Arc<Depot>| {
        as_p(&depot, || {
            let runs = Cell::new(0);
            scope_in::<NoUnwind, Ps, _>(|s| {
                let runs = &runs;
                for _ in 0..5 {
                    s.defer(move || {
                        runs.set(runs.get() + 1);
                        s.defer(move || runs.set(runs.get() + 1));
                    });
                }
            });
            assert_eq!(runs.get(), 10, "L16: each call runs once");
            scope(4);
        });
    };
    let other = depot.clone();
    let thread = thread::spawn(move || work(other));
    work(depot.clone());
    thread.join().expect("a P ends");
    finish(depot, 10);
}
