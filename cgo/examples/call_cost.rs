//! What the bridge costs over the runtime of sixty lines: `cargo run --release --example call_cost`.
//!
//! Each line is the smallest of many short interleaved runs, in nanoseconds, the median, and the
//! smallest as a multiple of that of the plain call above. The runtime has nothing to do in `enter`
//! and `leave`, and saves `errno` in a callback, so this is nearly the bridge's own share.

use core::ffi::c_int;
use core::hint::black_box;
use std::time::Instant;

#[allow(dead_code)]
#[path = "sixty_lines/runtime.rs"]
mod runtime;
use runtime::{Sixty, run};

type C = g0_cgo::Bridge<Sixty>;

const RUNS: usize = 201;
const LOOPS: u32 = 100_000;

extern "C" fn nothing() {}

extern "C" fn plus_one(x: c_int) -> c_int {
    x + 1
}

extern "C" fn calls_back(times: c_int) -> c_int {
    (0..times).map(|i| C::callback(-1, move || odd(i))).sum()
}

#[inline(never)]
fn odd(x: c_int) -> c_int {
    x & 1
}

/// Nanoseconds for each of `loops` runs of `one`.
#[inline(always)]
fn timed(loops: u32, mut one: impl FnMut(c_int)) -> f64 {
    let start = Instant::now();
    for i in 0..loops {
        one(i as c_int);
    }
    start.elapsed().as_nanos() as f64 / f64::from(loops)
}

type Row = (&'static str, fn() -> f64);

const ROWS: [Row; 7] = [
    ("empty: indirect call", || {
        let f: extern "C" fn() = black_box(nothing);
        timed(LOOPS, |_| f())
    }),
    ("empty: call", || {
        let f: extern "C" fn() = black_box(nothing);
        timed(LOOPS, |_| C::call(move || f()))
    }),
    ("empty: call_leaf", || {
        let f: extern "C" fn() = black_box(nothing);
        timed(LOOPS, |_| C::call_leaf(4096, move || f()))
    }),
    ("x + 1: indirect call", || {
        let f: extern "C" fn(c_int) -> c_int = black_box(plus_one);
        timed(LOOPS, |i| _ = black_box(f(i)))
    }),
    ("x + 1: call", || {
        let f: extern "C" fn(c_int) -> c_int = black_box(plus_one);
        timed(LOOPS, |i| _ = black_box(C::call(move || f(i))))
    }),
    ("call with a callback", || {
        let f: extern "C" fn(c_int) -> c_int = black_box(calls_back);
        timed(LOOPS, |_| _ = black_box(C::call(move || f(1))))
    }),
    ("callback, 1000 in a call", || {
        let f: extern "C" fn(c_int) -> c_int = black_box(calls_back);
        timed(LOOPS / 1000, |_| _ = black_box(C::call(move || f(1000)))) / 1000.0
    }),
];

fn main() {
    run(|| {
        let mut times: [Vec<f64>; ROWS.len()] = Default::default();
        for _ in 0..RUNS {
            for (row, times) in ROWS.iter().zip(&mut times) {
                times.push((row.1)());
            }
        }
        let mut plain = 0.0;
        for ((name, _), times) in ROWS.iter().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            let (min, median) = (times[0], times[RUNS / 2]);
            if name.ends_with("indirect call") {
                plain = min;
            }
            println!("{name:25} {min:6.2} ns (median {median:5.2}) {:6.2} x", min / plain);
        }
    });
}
