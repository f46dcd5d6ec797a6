//! A round trip between two stacks, without a scheduler.

use std::hint::black_box;

use g0_arch::{Arch, Context, Native};

struct Pair {
    main: Context,
    coroutine: Context,
}

/// One real frame: suspends with `x + 1` and returns what it is resumed with.
#[inline(never)]
unsafe fn frame(pair: *mut Pair, x: u64) -> u64 {
    // SAFETY: the resumer waits in its switch, so its context is saved.
    let x = unsafe {
        Native::switch(&raw mut (*pair).coroutine, (*pair).main, x.wrapping_add(1) as usize)
    };
    black_box(x as u64)
}

unsafe extern "C" fn body(value: usize, pair: *mut u8) -> ! {
    let mut x = value as u64;
    loop {
        // SAFETY: `switch` passes its pair.
        x = unsafe { frame(pair.cast(), x) };
    }
}

pub(crate) fn switch() -> f64 {
    let mut stack = vec![0u8; 64 << 10];
    let top = stack.as_mut_ptr_range().end;
    let mut pair = Pair { main: Context::EMPTY, coroutine: Context::EMPTY };
    // SAFETY: the stack is large enough and outlives the loop; `body` never ends.
    pair.coroutine = unsafe { Native::init(top, body, (&raw mut pair).cast()) };
    let pair = &raw mut pair;
    super::timing::median(2_000_000, |n| {
        let mut v = 0u64;
        for _ in 0..n {
            // SAFETY: the coroutine is suspended whenever we run.
            v = unsafe { Native::switch(&raw mut (*pair).main, (*pair).coroutine, v as usize) }
                as u64;
        }
        black_box(v);
    })
}
