//! Deferred calls by other means, and the least that a panic costs.

use crate::difference::Difference;
use crate::timing::sample;
use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// scopeguard's `defer!`, over the call at the end; and with it.
pub fn line() -> (Difference, f64) {
    #[inline(never)]
    fn deferred(count: &Cell<u64>) {
        scopeguard::defer! { count.set(count.get() + 1) }
        black_box(());
    }
    #[inline(never)]
    fn plain(count: &Cell<u64>) {
        black_box(());
        count.set(count.get() + 1);
    }
    fn calls(n: u64, f: fn(&Cell<u64>)) {
        let count = Cell::new(0);
        (0..n).for_each(|_| f(black_box(&count)));
        assert_eq!(count.get(), n);
    }
    Difference::over(20_000_000, |n| calls(n, deferred), |n| calls(n, plain))
}

/// A vector of boxed closures, called from its end.
pub fn boxes<const MANY: u64>() -> f64 {
    #[inline(never)]
    fn defers(many: u64, sum: &Cell<u64>) {
        let mut calls: Vec<Box<dyn FnOnce() + '_>> = Vec::new();
        for i in 0..many {
            calls.push(Box::new(move || sum.set(sum.get() + i)));
        }
        while let Some(call) = calls.pop() {
            call();
        }
    }
    sample!(10_000_000, |n| {
        let sum = Cell::new(0);
        for _ in 0..n / MANY {
            defers(black_box(MANY), black_box(&sum));
        }
        assert_eq!(sum.get(), n / MANY * (MANY * (MANY - 1) / 2));
    })
}

/// Thrown by one function, caught by the one that calls it, and nothing else.
pub fn unwind() -> f64 {
    #[inline(never)]
    fn panics(i: u64) {
        if black_box(true) {
            resume_unwind(Box::new(i));
        }
    }
    sample!(200_000, |n| {
        for i in 0..n {
            let got = catch_unwind(AssertUnwindSafe(|| panics(i))).expect_err("it panics");
            assert_eq!(got.downcast_ref(), Some(&i));
        }
    })
}
