//! Calls that need stack: in place, on a segment that is kept, on one from the P's cache.

use std::hint::black_box;

use g0_sched::grow;

use super::difference::Difference;
use super::runtimes::on_one_p;
use super::timing::median;

/// What a call that fits asks for.
const LITTLE: usize = 4 << 10;

#[inline(never)]
fn add_one(sum: &mut u64) {
    *sum += black_box(1);
}

fn adds(n: u64, mut add: impl FnMut(&mut u64)) {
    let mut sum = 0;
    (0..n).for_each(|_| add(black_box(&mut sum)));
    assert_eq!(sum, n);
}

/// More than is left on the stack where [`low`] calls, and less than a segment of the usual size has.
const MUCH: usize = 40 << 10;

/// Runs `f` on one P where less than [`MUCH`] is left of the goroutine's stack.
fn low(f: fn() -> f64) -> f64 {
    fn fill(f: fn() -> f64) -> f64 {
        let frame = black_box([0_u8; 4096]);
        let result = if grow::remaining() < MUCH { f() } else { fill(f) };
        black_box(frame);
        result
    }
    on_one_p(|| fill(f))
}

/// A call that asks for a little, which fits; over the plain call.
pub(crate) fn fits() -> (Difference, f64) {
    on_one_p(|| {
        let asked = |n| adds(n, |sum| grow::call(LITTLE, move || *sum += black_box(1)));
        Difference::over(50_000_000, asked, |n| adds(n, add_one))
    })
}

/// A call on the segment that the last one left.
pub(crate) fn kept() -> f64 {
    low(|| median(20_000_000, |n| adds(n, |sum| grow::call(MUCH, move || *sum += black_box(1)))))
}

/// A call on a segment that comes from the P's cache and goes back there.
pub(crate) fn cached() -> f64 {
    low(|| {
        median(5_000_000, |n| {
            adds(n, |sum| {
                grow::call(MUCH, || *sum += black_box(1));
                assert_eq!(grow::trim(), 1);
            });
        })
    })
}
