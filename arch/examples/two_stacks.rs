//! A callback-like nesting: stack A calls on B, which calls back on A, below its own frame.
//! It ends in `innermost`, where a debugger may stop and look. See `tests/gdb.rs`.

use std::hint::black_box;
use std::ptr;

use g0_arch::{Arch, Context, Native};

struct Nest {
    base_of_a: *mut u8,
    top_of_b: *mut u8,
}

#[inline(never)]
unsafe extern "C" fn innermost(_arg: *mut u8) -> usize {
    black_box(1)
}

#[inline(never)]
unsafe extern "C" fn on_b(arg: *mut u8) -> usize {
    let mut slot = ptr::null_mut();
    // SAFETY: `base_of_a` is the slot of the call that this function is in.
    unsafe {
        let base = (*arg.cast::<Nest>()).base_of_a;
        black_box(Native::call_on(base, innermost, arg, &mut slot))
    }
}

#[inline(never)]
unsafe extern "C" fn on_a(nest: *mut Nest) -> usize {
    // SAFETY: `top_of_b` is a stack that is not in use.
    unsafe {
        let top = (*nest).top_of_b;
        black_box(Native::call_on(top, on_b, nest.cast(), &raw mut (*nest).base_of_a))
    }
}

struct Start {
    main: Context,
    other: Context,
    nest: Nest,
}

#[inline(never)]
unsafe extern "C" fn first_of_a(_value: usize, data: *mut u8) -> ! {
    let start = data.cast::<Start>();
    // SAFETY: `main` waits for this context to come back, and does not go there again.
    unsafe {
        let sum = on_a(&raw mut (*start).nest);
        Native::switch(&raw mut (*start).other, (*start).main, sum);
    }
    unreachable!("nobody switches back")
}

/// The two stacks lie in one block: A low and B high, or the other way round.
fn run(a_low: bool) {
    const SIZE: usize = 256 << 10;
    let mut block = vec![0_u8; 2 * SIZE];
    let low = block[SIZE..].as_mut_ptr();
    let high = block.as_mut_ptr_range().end;
    let (a, b) = if a_low { (low, high) } else { (high, low) };
    let nest = Nest { base_of_a: ptr::null_mut(), top_of_b: b };
    let mut start = Start { main: Context::EMPTY, other: Context::EMPTY, nest };
    let s = &raw mut start;
    // SAFETY: nothing else uses the stacks, and they outlive their use.
    unsafe {
        (*s).other = Native::init(a, first_of_a, s.cast());
        assert_eq!(Native::switch(&raw mut (*s).main, (*s).other, 0), 1);
    }
}

fn main() {
    run(true);
    run(false);
    println!("two stacks: done");
}
