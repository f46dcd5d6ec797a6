//! g0-cgo over a runtime of sixty lines: `qsort` sorts while its comparator lets other goroutines run.

use core::ffi::{c_int, c_void};

mod runtime;
use runtime::{Sixty, go, run, yield_now};

type C = g0_cgo::Bridge<Sixty>;

unsafe extern "C" {
    fn qsort(
        base: *mut c_void,
        count: usize,
        size: usize,
        compare: unsafe extern "C" fn(*const c_void, *const c_void) -> c_int,
    );
}

g0_cgo::export! {
    in Sixty;

    /// Compares, but not without giving way first.
    unsafe fn patient(a: *const c_void, b: *const c_void) -> c_int = 0 {
        yield_now();
        // SAFETY: `qsort` passes elements of the array.
        let (a, b) = unsafe { (*a.cast::<i32>(), *b.cast::<i32>()) };
        a.cmp(&b) as c_int
    }
}

fn sort(name: &'static str, mut numbers: Vec<i32>) {
    // SAFETY: the array is the example's own, and the comparator is made for its elements.
    C::call(|| unsafe { qsort(numbers.as_mut_ptr().cast(), numbers.len(), 4, patient) });
    println!("{name}: {numbers:?}");
    assert!(numbers.is_sorted());
}

fn main() {
    run(|| {
        go(|| sort("second", (0..10).map(|i| i * 7 % 10).collect()));
        go(|| (0..3).for_each(|i| (println!("meanwhile {i}"), yield_now()).1));
        sort("first", vec![5, 2, 4, 1, 3]);
    });
}
