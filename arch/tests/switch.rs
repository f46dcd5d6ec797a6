//! Switches between contexts.

use std::ptr;

use g0_arch::{Arch, Context, Native};

struct Pair {
    main: Context,
    other: Context,
}

unsafe extern "C" fn add_one(mut value: usize, data: *mut u8) -> ! {
    let pair = data.cast::<Pair>();
    loop {
        // SAFETY: the test keeps the pair alive and `main` is suspended while this runs.
        value = unsafe { Native::switch(&raw mut (*pair).other, (*pair).main, value + 1) };
    }
}

#[test]
fn values_pass_both_ways() {
    let mut stack = vec![0_u8; 64 << 10];
    let mut pair = Pair { main: Context::EMPTY, other: Context::EMPTY };
    let p = &raw mut pair;
    // SAFETY: the stack outlives the context, which is abandoned with nothing to drop on it.
    unsafe {
        let top = stack.as_mut_ptr().add(stack.len());
        (*p).other = Native::init(top, add_one, p.cast());
        for i in 0..1_000_000 {
            assert_eq!(Native::switch(&raw mut (*p).main, (*p).other, i), i + 1);
        }
    }
}

unsafe extern "C" fn leave(arg: *mut u8) -> usize {
    // SAFETY: `arg` is the slot of the call that this function is in.
    unsafe { Native::escape(arg.cast(), 7) }
}

#[test]
fn escape_leaves_a_call() {
    let mut stack = vec![0_u8; 64 << 10];
    let mut slot: *mut u8 = ptr::null_mut();
    let s = &raw mut slot;
    // SAFETY: the stack is unused otherwise; `leave` has nothing to drop.
    unsafe {
        let top = stack.as_mut_ptr().add(stack.len());
        assert_eq!(Native::call_on(top, leave, s.cast(), s), 7);
        assert_eq!(g0_arch::call_here(leave, s.cast(), s), 7);
    }
}
