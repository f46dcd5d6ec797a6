//! `defer!`: the block runs at every exit of its scope, newest first.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use g0_defer::{Goexit, NoUnwind, defer, scope_with};

#[test]
fn newest_first() {
    let log = RefCell::new(Vec::new());
    {
        defer! { log.borrow_mut().push(3) }
        defer! { log.borrow_mut().push(2); }
        defer! {
            let two = 1;
            log.borrow_mut().push(two)
        }
        log.borrow_mut().push(0);
    }
    assert_eq!(*log.borrow(), [0, 1, 2, 3]);
}

#[test]
fn runs_at_each_exit() {
    fn leave(by: u8, runs: &Cell<u32>) -> Option<()> {
        for _ in 0..3 {
            defer! { runs.set(runs.get() + 1) }
            match by {
                0 => return None,
                1 => break,
                2 => None?,
                _ => continue,
            }
        }
        Some(())
    }
    for (by, expected) in [(0, 1), (1, 1), (2, 1), (3, 3)] {
        let runs = Cell::new(0);
        leave(by, &runs);
        assert_eq!(runs.get(), expected, "exit {by}");
    }
}

#[test]
fn runs_on_panic_and_goexit() {
    let payloads: [Box<dyn std::any::Any + Send>; 2] = [Box::new("a panic"), Box::new(Goexit)];
    for payload in payloads {
        let runs = Cell::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            defer! { runs.set(runs.get() + 1) }
            resume_unwind(payload)
        }));
        assert!(caught.is_err());
        assert_eq!(runs.get(), 1);
    }
}

#[test]
fn defers_within_a_deferred_block() {
    let log = RefCell::new(Vec::new());
    {
        defer! {
            defer! { log.borrow_mut().push("inner") }
            log.borrow_mut().push("outer")
        }
    }
    assert_eq!(*log.borrow(), ["outer", "inner"]);
}

#[test]
fn guards_scopes_and_calls_that_are_deferred_under_a_condition_mix_in_order() {
    fn work(log: &RefCell<Vec<&'static str>>, also: bool) {
        defer! { log.borrow_mut().push("guard outside") }
        scope_with::<NoUnwind, _>(|s| {
            s.defer(|| log.borrow_mut().push("scope"));
            defer! { log.borrow_mut().push("guard of the body") }
            if also {
                s.defer(|| {
                    defer! { log.borrow_mut().push("guard of a call") }
                    scope_with::<NoUnwind, _>(|inner| {
                        inner.defer(|| log.borrow_mut().push("scope of a call"));
                    });
                });
            }
        });
        log.borrow_mut().push("after the scope");
    }
    let log = RefCell::new(Vec::new());
    work(&log, false);
    let without = ["guard of the body", "scope", "after the scope", "guard outside"];
    assert_eq!(log.take(), without);
    work(&log, true);
    let with = [
        "guard of the body",
        "scope of a call",
        "guard of a call",
        "scope",
        "after the scope",
        "guard outside",
    ];
    assert_eq!(log.take(), with);
}

#[test]
fn costs_no_memory_beyond_what_it_borrows() {
    let runs = Cell::new(0u64);
    let guard = g0_defer::Deferred::new(|| runs.set(1));
    assert_eq!(size_of_val(&guard), size_of::<&Cell<u64>>());
}
