//! Scopes: order, unwinding, and what is in flight at the end.

use std::cell::{Cell, RefCell};

use crate::common::Event::{Goexit, Panic};
use crate::common::{Readable, begin, outcome};
use g0_defer::scope_with;

for_each_unwinder! {
    gives_the_value_of_its_body
    runs_last_in_first_out
    runs_after_a_panic_and_a_goexit
    runs_deferred_calls_outside_any_unwinding
    a_panic_in_a_deferred_call_replaces_and_the_rest_runs
    a_goexit_in_a_deferred_call_ends_the_panic
    a_panic_after_goexit_is_a_panic
    each_of_many_unwindings_is_remembered
    a_call_deferred_by_a_deferred_call_runs_next
    nested_scopes_run_inside_out
    the_value_is_dropped_when_a_deferred_call_panics
}

fn gives_the_value_of_its_body<U: Readable>() {
    let ran = Cell::new(false);
    let value = scope_with::<U, _>(|s| {
        s.defer(|| ran.set(true));
        assert!(!ran.get());
        String::from("value")
    });
    assert_eq!(value, "value");
    assert!(ran.get());
}

fn runs_last_in_first_out<U: Readable>() {
    let log = RefCell::new(Vec::new());
    scope_with::<U, _>(|s| {
        for n in 0..4 {
            let log = &log;
            s.defer(move || log.borrow_mut().push(n));
        }
    });
    assert_eq!(*log.borrow(), [3, 2, 1, 0]);
}

fn runs_after_a_panic_and_a_goexit<U: Readable>() {
    for event in [Panic(7), Goexit] {
        let runs = Cell::new(0);
        let seen = outcome::<U>(|| {
            scope_with::<U, ()>(|s| {
                s.defer(|| runs.set(runs.get() + 1));
                s.defer(|| runs.set(runs.get() + 1));
                begin::<U>(event)
            })
        });
        assert_eq!(seen, [event]);
        assert_eq!(runs.get(), 2);
    }
}

fn runs_deferred_calls_outside_any_unwinding<U: Readable>() {
    let unwinding = Cell::new(None);
    let seen = outcome::<U>(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| unwinding.set(Some(U::panicking())));
            begin::<U>(Panic(1))
        })
    });
    assert_eq!(seen, [Panic(1)]);
    assert_eq!(unwinding.get(), Some(false));
}

fn a_panic_in_a_deferred_call_replaces_and_the_rest_runs<U: Readable>() {
    let log = RefCell::new(Vec::new());
    let seen = outcome::<U>(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| log.borrow_mut().push("oldest"));
            s.defer(|| begin::<U>(Panic(2)));
            s.defer(|| log.borrow_mut().push("newest"));
            begin::<U>(Panic(1))
        })
    });
    assert_eq!(seen, [Panic(1), Panic(2)]);
    assert_eq!(*log.borrow(), ["newest", "oldest"]);
}

fn a_goexit_in_a_deferred_call_ends_the_panic<U: Readable>() {
    let caught = U::catch(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| U::goexit());
            begin::<U>(Panic(1))
        })
    });
    let payload = caught.expect_err("both unwind");
    assert!(U::is_goexit(&payload));
    assert_eq!(U::events(payload), [Panic(1), Goexit]);
}

fn a_panic_after_goexit_is_a_panic<U: Readable>() {
    let caught = U::catch(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| begin::<U>(Panic(1)));
            U::goexit()
        })
    });
    let payload = caught.expect_err("both unwind");
    assert!(!U::is_goexit(&payload));
    assert_eq!(U::events(payload), [Goexit, Panic(1)]);
}

fn each_of_many_unwindings_is_remembered<U: Readable>() {
    let seen = outcome::<U>(|| {
        scope_with::<U, ()>(|outer| {
            // A whole scope in a deferred call: its two panics come after the body's.
            outer.defer(|| {
                scope_with::<U, ()>(|inner| {
                    inner.defer(|| begin::<U>(Panic(3)));
                    begin::<U>(Panic(2))
                })
            });
            begin::<U>(Panic(1))
        })
    });
    assert_eq!(seen, [Panic(1), Panic(2), Panic(3)]);
}

fn a_call_deferred_by_a_deferred_call_runs_next<U: Readable>() {
    let log = RefCell::new(Vec::new());
    scope_with::<U, _>(|s| {
        let log = &log;
        s.defer(|| log.borrow_mut().push("oldest"));
        s.defer(move || {
            s.defer(|| log.borrow_mut().push("deferred late"));
            log.borrow_mut().push("newest");
        });
    });
    assert_eq!(*log.borrow(), ["newest", "deferred late", "oldest"]);
}

fn nested_scopes_run_inside_out<U: Readable>() {
    let log = RefCell::new(Vec::new());
    let seen = outcome::<U>(|| {
        scope_with::<U, ()>(|outer| {
            outer.defer(|| log.borrow_mut().push("outer"));
            scope_with::<U, ()>(|inner| {
                inner.defer(|| log.borrow_mut().push("inner"));
                // A deferred call of the outer scope, made while the inner one is open.
                outer.defer(|| log.borrow_mut().push("outer, later"));
                begin::<U>(Goexit)
            })
        })
    });
    assert_eq!(seen, [Goexit]);
    assert_eq!(*log.borrow(), ["inner", "outer, later", "outer"]);
}

fn the_value_is_dropped_when_a_deferred_call_panics<U: Readable>() {
    struct Value<'a>(&'a Cell<u32>);
    impl Drop for Value<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Cell::new(0);
    let seen = outcome::<U>(|| {
        let _value = scope_with::<U, _>(|s| {
            s.defer(|| begin::<U>(Panic(1)));
            Value(&drops)
        });
    });
    assert_eq!(seen, [Panic(1)]);
    assert_eq!(drops.get(), 1);
}

/// `NoUnwind` catches nothing. Where something unwinds after all, the calls still run.
#[cfg(panic = "unwind")]
#[test]
fn runs_when_the_unwinder_did_not_catch() {
    let log = RefCell::new(Vec::new());
    let seen = outcome::<crate::common::Kernel>(|| {
        scope_with::<g0_defer::NoUnwind, ()>(|s| {
            s.defer(|| log.borrow_mut().push("oldest"));
            s.defer(|| log.borrow_mut().push("newest"));
            begin::<crate::common::Kernel>(Panic(1))
        })
    });
    assert_eq!(seen, [Panic(1)]);
    assert_eq!(*log.borrow(), ["newest", "oldest"]);
}
