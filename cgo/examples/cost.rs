//! What the bridge costs over the runtime of sixty lines: `cargo run --release --example cost`.
//!
//! Each line is the median of interleaved runs, in nanoseconds, and the smallest. The runtime has
//! nothing to do in `enter` and `leave` but a store, so this is the bridge's own share.

use core::ffi::c_int;
use core::hint::black_box;
use std::time::Instant;

#[allow(dead_code)]
#[path = "sixty_lines/runtime.rs"]
mod runtime;
use runtime::{Sixty, run};

type C = g0_cgo::Bridge<Sixty>;

const RUNS: usize = 15;
const LOOPS: u32 = 2_000_000;

#[inline(never)]
extern "C" fn plus_one(x: c_int) -> c_int {
    black_box(x) + 1
}

extern "C" fn calls_back(x: c_int) -> c_int {
    C::callback(-1, || black_box(x) + 1)
}

extern "C" fn calls_back_often(n: c_int) -> c_int {
    (0..n).map(|i| C::callback(-1, || black_box(i) & 1)).sum()
}

type F = extern "C" fn(c_int) -> c_int;

#[inline(never)]
fn plain(f: F, x: c_int) -> c_int {
    f(x) ^ 1
}

#[inline(never)]
fn call(f: F, x: c_int) -> c_int {
    C::call(|| f(x)) ^ 1
}

#[inline(never)]
fn leaf(f: F, x: c_int) -> c_int {
    C::call_leaf(4096, || f(x)) ^ 1
}

fn timed(row: &mut Vec<f64>, loops: u32, mut one: impl FnMut(c_int)) {
    let start = Instant::now();
    for i in 0..loops {
        one(i as c_int);
    }
    row.push(start.elapsed().as_nanos() as f64 / f64::from(loops));
}

fn main() {
    run(|| {
        let mut rows: [Vec<f64>; 5] = Default::default();
        let f: F = black_box(plus_one);
        for _ in 0..RUNS {
            timed(&mut rows[0], LOOPS, |i| drop(black_box(plain(f, i))));
            timed(&mut rows[1], LOOPS, |i| drop(black_box(call(f, i))));
            timed(&mut rows[2], LOOPS, |i| drop(black_box(leaf(f, i))));
            timed(&mut rows[3], LOOPS, |i| drop(black_box(call(black_box(calls_back), i))));
            timed(&mut rows[4], LOOPS / 1000, |_| drop(black_box(call(calls_back_often, 1000))));
            let last = rows[4].len() - 1;
            rows[4][last] /= 1000.0;
        }
        let names = ["indirect call", "call", "call_leaf", "call + callback", "callback"];
        let mut plain = 0.0;
        for (name, row) in names.iter().zip(&mut rows) {
            row.sort_by(f64::total_cmp);
            let median = row[RUNS / 2];
            if plain == 0.0 {
                plain = median;
            }
            println!("{name:16} {median:6.2} ns  (min {:5.2})  {:5.2} x", row[0], median / plain);
        }
    });
}
