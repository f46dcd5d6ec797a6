//! C code: a sum of what a callback says.

use core::ffi::{c_long, c_void};

use crate::say;

unsafe extern "C" {
    fn client_sum(n: c_long, f: Visit, user: *mut c_void) -> f64;
}

type Visit = unsafe extern "C" fn(*mut c_void, c_long) -> f64;

unsafe extern "C" fn half(count: *mut c_void, i: c_long) -> f64 {
    // SAFETY: the pointer that `run` handed to the C code.
    unsafe { *count.cast::<usize>() += 1 };
    i as f64 / 2.0
}

/// Calls the C code where it stands.
pub fn run() {
    let mut count = 0_usize;
    // SAFETY: the C code calls `half` ten times with the pointer and keeps nothing.
    let sum = unsafe { client_sum(10, half, (&raw mut count).cast()) };
    assert!(sum == -2.5 && count == 10, "sum {sum}, count {count}");
    say!("C code: called back {count} times");
}
