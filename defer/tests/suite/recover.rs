//! Recovering: which panic, in which call, and what goes on.

use std::cell::{Cell, RefCell};

use g0_defer::{recovering_with, scope_with};

use crate::common::Event::{Goexit, Panic};
use crate::common::{Event, Readable, begin, outcome};

for_each_unwinder! {
    recover_ends_the_panic_and_gives_its_payload
    recover_while_nothing_is_in_flight_gives_none
    a_second_recover_gives_none
    recover_during_goexit_gives_none
    a_recovered_panic_remembers_those_that_it_replaced
    a_panic_with_the_value_of_the_one_that_it_replaces_is_a_second_one
    a_panic_that_replaced_a_goexit_is_recovered_and_the_goexit_goes_on
    calls_deferred_before_run_after_a_recover_with_nothing_in_flight
    a_panic_after_a_recover_is_a_panic_by_itself
    a_payload_that_is_thrown_again_is_the_same
    a_scope_in_a_deferred_call_recovers_its_own_panic_and_leaves_the_other
    the_outer_scope_recovers_what_the_inner_did_not
    the_value_of_a_body_that_returned_outlives_a_recovered_panic
    only_the_calls_that_are_left_run_after_a_panic_in_one
    ten_thousand_recovers_in_a_row_take_no_stack
    recovering_and_panicking_again_at_each_level_is_linear
}

/// Runs a scope of which a deferred call recovers; returns what it got.
fn recovered<U: Readable>(body: impl FnOnce()) -> Vec<Event> {
    let got = RefCell::new(Vec::new());
    let _ = recovering_with::<U, _>(|s| {
        s.defer_recover(|r| got.replace(r.recover().map_or_else(Vec::new, U::events)).clear());
        body()
    });
    got.into_inner()
}

fn recover_ends_the_panic_and_gives_its_payload<U: Readable>() {
    assert_eq!(recovered::<U>(|| begin::<U>(Panic(7))), [Panic(7)]);
    let value = recovering_with::<U, i32>(|s| {
        s.defer_recover(|r| assert!(r.in_flight().is_some() && r.recover().is_some()));
        begin::<U>(Panic(1))
    });
    assert_eq!(value, None);
}

fn recover_while_nothing_is_in_flight_gives_none<U: Readable>() {
    let value = recovering_with::<U, _>(|s| {
        s.defer_recover(|r| assert!(r.recover().is_none() && r.in_flight().is_none()));
        5
    });
    assert_eq!(value, Some(5));
}

fn a_second_recover_gives_none<U: Readable>() {
    let value = recovering_with::<U, ()>(|s| {
        s.defer_recover(|r| assert!(r.recover().is_none(), "an earlier call's"));
        s.defer_recover(|r| {
            assert!(r.recover().is_some());
            assert!(r.recover().is_none());
        });
        begin::<U>(Panic(1))
    });
    assert_eq!(value, None);
}

fn recover_during_goexit_gives_none<U: Readable>() {
    let runs = Cell::new(0);
    let seen = outcome::<U>(|| {
        recovering_with::<U, ()>(|s| {
            s.defer(|| runs.set(runs.get() + 1));
            s.defer_recover(|r| {
                runs.set(runs.get() + 1);
                assert!(r.recover().is_none());
                assert!(r.in_flight().is_some_and(|payload| U::is_goexit(payload)));
            });
            begin::<U>(Goexit)
        });
    });
    assert_eq!((seen, runs.get()), (vec![Goexit], 2));
}

fn a_recovered_panic_remembers_those_that_it_replaced<U: Readable>() {
    let seen = recovered::<U>(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| begin::<U>(Panic(3)));
            s.defer(|| begin::<U>(Panic(2)));
            begin::<U>(Panic(1))
        })
    });
    assert_eq!(seen, [Panic(1), Panic(2), Panic(3)]);
}

fn a_panic_with_the_value_of_the_one_that_it_replaces_is_a_second_one<U: Readable>() {
    let seen = recovered::<U>(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| begin::<U>(Panic(1)));
            begin::<U>(Panic(1))
        })
    });
    assert_eq!(seen, [Panic(1), Panic(1)]);
}

fn a_panic_that_replaced_a_goexit_is_recovered_and_the_goexit_goes_on<U: Readable>() {
    let got = RefCell::new(Vec::new());
    let seen = outcome::<U>(|| {
        recovering_with::<U, ()>(|s| {
            s.defer_recover(|r| got.replace(r.recover().map_or_else(Vec::new, U::events)).clear());
            s.defer(|| begin::<U>(Panic(3)));
            s.defer(|| begin::<U>(Panic(2)));
            s.defer(|| begin::<U>(Goexit));
            begin::<U>(Panic(1))
        });
    });
    assert_eq!(*got.borrow(), [Panic(2), Panic(3)]);
    assert_eq!(seen, [Panic(1), Goexit]);
}

fn calls_deferred_before_run_after_a_recover_with_nothing_in_flight<U: Readable>() {
    let log = RefCell::new(Vec::new());
    recovering_with::<U, ()>(|s| {
        s.defer_recover(|r| log.borrow_mut().push(r.in_flight().is_some()));
        s.defer_recover(|r| drop(r.recover()));
        s.defer_recover(|r| log.borrow_mut().push(r.in_flight().is_some()));
        begin::<U>(Panic(1))
    });
    assert_eq!(*log.borrow(), [true, false]);
}

fn a_panic_after_a_recover_is_a_panic_by_itself<U: Readable>() {
    let seen = outcome::<U>(|| {
        recovering_with::<U, ()>(|s| {
            s.defer_recover(|r| {
                assert!(r.recover().is_some());
                begin::<U>(Panic(2))
            });
            begin::<U>(Panic(1))
        });
    });
    assert_eq!(seen, [Panic(2)]);
}

fn a_payload_that_is_thrown_again_is_the_same<U: Readable>() {
    let seen = outcome::<U>(|| {
        recovering_with::<U, ()>(|s| {
            s.defer_recover(|r| U::resume(r.recover().expect("a panic")));
            scope_with::<U, ()>(|inner| {
                inner.defer(|| begin::<U>(Panic(2)));
                begin::<U>(Panic(1))
            })
        });
    });
    assert_eq!(seen, [Panic(1), Panic(2)]);
}

fn a_scope_in_a_deferred_call_recovers_its_own_panic_and_leaves_the_other<U: Readable>() {
    let seen = outcome::<U>(|| {
        scope_with::<U, ()>(|s| {
            s.defer(|| {
                assert_eq!(recovered::<U>(|| begin::<U>(Panic(2))), [Panic(2)]);
                assert_eq!(recovered::<U>(|| ()), [], "the outer one's is out of reach");
            });
            begin::<U>(Panic(1))
        });
    });
    assert_eq!(seen, [Panic(1)]);
}

fn the_outer_scope_recovers_what_the_inner_did_not<U: Readable>() {
    let ran = Cell::new(false);
    let seen = recovered::<U>(|| {
        recovering_with::<U, ()>(|inner| {
            inner.defer_recover(|r| ran.set(r.in_flight().is_some()));
            begin::<U>(Panic(4))
        });
        unreachable!("nobody has recovered yet");
    });
    assert_eq!((seen, ran.get()), (vec![Panic(4)], true));
}

fn the_value_of_a_body_that_returned_outlives_a_recovered_panic<U: Readable>() {
    let value = recovering_with::<U, _>(|s| {
        s.defer_recover(|r| assert!(r.recover().is_some()));
        s.defer(|| begin::<U>(Panic(1)));
        "value"
    });
    assert_eq!(value, Some("value"));
}

fn only_the_calls_that_are_left_run_after_a_panic_in_one<U: Readable>() {
    let log = RefCell::new(Vec::new());
    recovering_with::<U, ()>(|s| {
        let log = &log;
        for n in 0..4 {
            s.defer_recover(move |r| {
                log.borrow_mut().push(n);
                match n {
                    0 => drop(r.recover()),
                    2 => begin::<U>(Panic(2)),
                    _ => {}
                }
            });
        }
        begin::<U>(Panic(1))
    });
    assert_eq!(*log.borrow(), [3, 2, 1, 0]);
}

fn ten_thousand_recovers_in_a_row_take_no_stack<U: Readable>() {
    let mut first = None;
    for n in 0..10_000 {
        let here = g0_arch::stack_pointer().addr();
        let first = *first.get_or_insert(here);
        assert!(first.abs_diff(here) < 1024, "recover {n} is {} further on", first.abs_diff(here));
        assert_eq!(recovered::<U>(|| begin::<U>(Panic(n))), [Panic(n)]);
    }
}

fn recovering_and_panicking_again_at_each_level_is_linear<U: Readable>() {
    #[inline(never)]
    fn level<U: Readable>(depth: u32) {
        recovering_with::<U, ()>(|s| {
            s.defer_recover(|r| {
                let payload = r.recover().expect("a panic from below");
                assert_eq!(U::events(payload), [Panic(depth)]);
                begin::<U>(Panic(depth + 1))
            });
            if depth == 0 { begin::<U>(Panic(0)) } else { level::<U>(depth - 1) }
        });
    }
    let time = |depth, times| {
        let once = || {
            let start = std::time::Instant::now();
            for _ in 0..times {
                assert_eq!(outcome::<U>(|| level::<U>(depth)), [Panic(depth + 1)]);
            }
            start.elapsed()
        };
        (0..3).map(|_| once()).min().expect("three")
    };
    // As many levels either way: as much work when it is linear, eight times as much when quadratic. Both last
    // as long, so a busy machine is in the way of both.
    let ratio = || time(320, 1).as_secs_f64() / time(40, 8).as_secs_f64();
    assert!((0..20).any(|_| ratio() < 3.0), "{}", ratio());
}
