//! Pools of deferred calls: a record is in one place, and each call runs once (L16).
//!
//! Each thread is a P with a pool of its own; all share one central list. They run scopes of more calls
//! than a pool holds (four here), so that halves go to the list and come back, to whoever is first. A
//! record's header is plain memory: a record that two have at a time is a race, and loom reports it. One
//! that is in a pool twice is told by its state, and one that is lost by the count at the end.

use std::cell::Cell;
use std::ptr;

use g0_defer::{Central, Local, NoUnwind, Pool, doors, scope_in};
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
    /// The pool of the P that this thread is, and the list that all share.
    static HERE: Cell<(*mut Pool, *const Central)> = Cell::new((ptr::null_mut(), ptr::null()));
}

enum Ps {}

// SAFETY: each thread has set its own pool, and the closures do not come back to it.
unsafe impl Local for Ps {
    fn with<R>(f: impl FnOnce(&mut Pool) -> R) -> Option<R> {
        let (pool, _) = HERE.with(Cell::get);
        // SAFETY: this thread's own, alive while its work lasts.
        Some(f(unsafe { &mut *pool }))
    }

    fn with_central<R>(f: impl FnOnce(Option<&mut Pool>, &Central) -> R) -> Option<R> {
        let (pool, central) = HERE.with(Cell::get);
        // SAFETY: as above.
        Some(unsafe { f(Some(&mut *pool), &*central) })
    }

    fn fatal(reason: &'static str) -> ! {
        panic!("{reason}")
    }
}

/// Runs `work` as a P, whose pool goes to the central list afterwards.
fn as_p(central: &Central, work: impl FnOnce()) {
    let mut pool = Pool::new();
    HERE.with(|here| here.set((&raw mut pool, central)));
    work();
    pool.drain(central);
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
fn finish(central: Arc<Central>, wanted: usize) {
    drop(central);
    let (made, gone) = doors::records();
    assert_eq!(made, gone, "L16: of {made} records {gone} are found again");
    if made < wanted {
        seen();
    }
}

/// Each P runs two scopes of so many calls. Alone each would need records for the larger one.
fn ps<const N: usize>(scopes: [[usize; 2]; N]) {
    doors::begin();
    let central = Arc::new(Central::new());
    let p = |[first, second]: [usize; 2]| {
        let central = central.clone();
        move || {
            as_p(&central, || {
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
    finish(central, scopes.iter().map(|scopes| scopes[0].max(scopes[1])).sum());
}

/// Deferred calls that defer, on two Ps.
fn nested() {
    doors::begin();
    let central = Arc::new(Central::new());
    let work = |central: Arc<Central>| {
        as_p(&central, || {
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
    let other = central.clone();
    let thread = thread::spawn(move || work(other));
    work(central.clone());
    thread.join().expect("a P ends");
    finish(central, 10);
}
