//! Calls of C and back.

use std::hint::black_box;

use super::{median, on_one_p};

unsafe extern "C" {
    fn c_empty();
    fn c_callback();
}

g0_cgo::export! {
    fn bench_callback_body() {}
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
