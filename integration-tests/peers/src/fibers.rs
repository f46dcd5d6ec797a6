//! corosensei: coroutines without a scheduler.

use crate::memory;
use crate::timing::sample;
use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::hint::black_box;

/// The real frame between the coroutine's loop and its suspension.
#[inline(never)]
fn frame(yielder: &Yielder<u64, u64>, x: u64) -> u64 {
    black_box(yielder.suspend(x.wrapping_add(1)))
}

pub fn switch() -> f64 {
    let stack = DefaultStack::new(64 << 10).expect("one stack");
    let mut coroutine: Coroutine<u64, u64, (), DefaultStack> =
        Coroutine::with_stack(stack, |yielder, mut x| {
            loop {
                x = frame(yielder, x);
            }
        });
    let mut v = 0;
    let mut trips = 0;
    let ns = sample!(2_000_000, |n| {
        for _ in 0..n {
            match coroutine.resume(v) {
                CoroutineResult::Yield(x) => v = x,
                CoroutineResult::Return(()) => unreachable!("its loop has no end"),
            }
        }
        trips += n;
    });
    assert_eq!(v, trips, "each trip adds one");
    std::mem::forget(coroutine);
    ns
}

pub fn parked() -> f64 {
    // Two mappings each, of which a process may have 65,530.
    const COUNT: usize = 20_000;
    let mut all = memory::room(COUNT);
    let before = memory::resident();
    for _ in 0..COUNT {
        let stack = DefaultStack::new(64 << 10).expect("20,000 stacks fit");
        let mut coroutine: Coroutine<(), (), (), DefaultStack> =
            Coroutine::with_stack(stack, |yielder, ()| yielder.suspend(()));
        coroutine.resume(());
        all.push(coroutine);
    }
    let each = memory::each(before, COUNT);
    std::mem::forget(all);
    each
}

/// How many stacks there are when the kernel refuses the next one. Each guard is asked for: the kernel reads no path there.
pub fn guarded() -> f64 {
    const WANTED: usize = 1_000_000;
    let mut stacks = Vec::with_capacity(WANTED);
    while stacks.len() < WANTED {
        let Ok(stack) = DefaultStack::new(64 << 10) else { break };
        assert!(memory::faults(stack.limit().get()), "a guard is missing");
        stacks.push(stack);
    }
    let count = stacks.len();
    std::mem::forget(stacks);
    count as f64
}
