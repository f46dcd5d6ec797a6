//! Calls of C and back.

use std::cell::Cell;
use std::ffi::{c_long, c_uint};
use std::hint::black_box;

use g0_sched::go;

use super::difference::Difference;
use super::runtimes::{on, on_one_p};
use super::timing::{median, middle};

unsafe extern "C" {
    fn c_empty();
    fn c_callback();
    fn c_callback_n(n: c_long);
    fn c_nest(depth: c_long);
    fn c_foreign_n(n: c_long) -> f64;
    fn c_foreign_first(n: c_long) -> f64;
    fn c_foreign_pairs(n: c_long, differences: *mut f64);
    pub(crate) safe fn c_sleep(micros: c_uint);
}

g0_cgo::export! {
    #[unsafe(no_mangle)]
    fn bench_callback_body() {}

    #[unsafe(no_mangle)]
    fn bench_nest_body(depth: c_long) { nest(depth - 1) }
}

/// So many times to C and back, each inside the one before.
fn nest(depth: c_long) {
    if depth > 0 {
        // SAFETY: it calls `bench_nest_body` once, with the depth.
        g0_cgo::call(|| unsafe { c_nest(depth) });
    }
}

pub(crate) fn call() -> f64 {
    on_one_p(|| {
        median(5_000_000, |n| {
            for _ in 0..n {
                // SAFETY: it does nothing.
                g0_cgo::call(|| unsafe { c_empty() });
            }
        })
    })
}

pub(crate) fn call_floor() -> f64 {
    let f: unsafe extern "C" fn() = black_box(c_empty);
    median(20_000_000, |n| {
        for _ in 0..n {
            // SAFETY: it does nothing.
            unsafe { black_box(f)() };
        }
    })
}

pub(crate) fn callback() -> f64 {
    on_one_p(|| {
        median(2_000_000, |n| {
            for _ in 0..n {
                // SAFETY: it calls `bench_callback_body` once.
                g0_cgo::call(|| unsafe { c_callback() });
            }
        })
    })
}

/// On two Ps, each with a goroutine that calls: the time of one call of each.
pub(crate) fn call_two() -> f64 {
    on(2, || {
        median(5_000_000, |n| {
            let calls = move || {
                for _ in 0..n {
                    // SAFETY: it does nothing.
                    g0_cgo::call(|| unsafe { c_empty() });
                }
            };
            let other = go(calls);
            calls();
            other.join().expect("it only calls");
        })
    })
}

/// The call, and the call with something deferred until it has returned.
pub(crate) fn noop() -> [f64; 2] {
    let deferred = on_one_p(|| {
        let ended = Cell::new(0_u64);
        median(5_000_000, |n| {
            let before = ended.get();
            for _ in 0..n {
                g0_defer::defer! { ended.set(black_box(ended.get() + 1)) }
                // SAFETY: it does nothing.
                g0_cgo::call(|| unsafe { c_empty() });
            }
            assert_eq!(ended.get(), before + n);
        })
    });
    [call(), deferred]
}

pub(crate) fn callback_only() -> f64 {
    on_one_p(|| {
        median(5_000_000, |n| {
            for _ in 0..n / 1000 {
                // SAFETY: it calls `bench_callback_body` so many times.
                g0_cgo::call(|| unsafe { c_callback_n(1000) });
            }
        })
    })
}

/// One level of so many.
pub(crate) fn nested<const DEPTH: c_long>() -> f64 {
    on_one_p(|| {
        median(2_000_000, |n| {
            for _ in 0..n / DEPTH as u64 {
                nest(black_box(DEPTH));
            }
        })
    })
}

/// A thread of C's own calls back, so many times.
pub(crate) fn foreign_callback() -> f64 {
    // SAFETY: its thread calls `bench_callback_body`, as the others below.
    of_five(|| unsafe { c_foreign_n(10_000_000) })
}

/// The first callback of a thread of C's own.
pub(crate) fn foreign_first() -> f64 {
    // SAFETY: as above.
    of_five(|| unsafe { c_foreign_first(1000) })
}

/// A thread of C's own that calls back once, over one that does not: of five thousand pairs.
pub(crate) fn foreign_thread() -> Difference {
    const PAIRS: usize = 1000;
    on(2, || {
        let round = |_| {
            let mut all = vec![0.0; PAIRS];
            let differences = all.as_mut_ptr();
            // SAFETY: as above; there is room for so many.
            g0_cgo::call(|| unsafe { c_foreign_pairs(PAIRS as c_long, differences) });
            all
        };
        Difference::of((0..5).flat_map(round).collect())
    })
}

/// The middle of five, each of which measures itself while main is in C.
fn of_five(measure: fn() -> f64) -> f64 {
    on(2, || middle((0..5).map(|_| g0_cgo::call(measure)).collect()))
}
