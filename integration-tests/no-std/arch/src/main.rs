//! g0-arch without std: two contexts count in turns, a call on another stack comes back, a call
//! is left from above, and a lock of the facade holds the count.
#![no_std]
#![no_main]

#[cfg(feature = "alloc")]
extern crate alloc;

use core::ptr::null_mut;

use g0_arch::sync::Mutex;
use g0_arch::{Arch, CachePadded, Context, Native, call_here, stack_pointer};
use nostd_start::check;

nostd_start::program!(main);

const TURNS: usize = 1000;

/// How often the second context ran.
static TURNS_SEEN: CachePadded<Mutex<usize>> = CachePadded::new(Mutex::new(0));

#[repr(align(16))]
struct Stack([u8; 16 << 10]);

#[derive(Clone, Copy)]
struct Pair {
    main: Context,
    other: Context,
}

/// The second context: adds one to whatever it is given.
unsafe extern "C" fn add_one(mut value: usize, pair: *mut u8) -> ! {
    let pair = pair.cast::<Pair>();
    loop {
        *TURNS_SEEN.lock() += 1;
        // SAFETY: `main` suspended itself by the switch that brought us here; the pair is in its
        // frame, which stays.
        value = unsafe { Native::switch(&raw mut (*pair).other, (*pair).main, value + 1) };
    }
}

/// Tells on which stack it runs: `arg` and the result are addresses.
unsafe extern "C" fn distance_below(arg: *mut u8) -> usize {
    arg.addr().wrapping_sub(stack_pointer().addr())
}

/// Leaves the call whose slot is `arg`, with the value 77.
unsafe extern "C" fn leave(arg: *mut u8) -> usize {
    // SAFETY: the caller passes the slot of the call that this function is entered by, and no
    // frame in between has a destructor.
    unsafe { Native::escape(arg.cast(), 77) }
}

fn ping_pong(stack: &mut Stack) {
    let mut pair = Pair { main: Context::EMPTY, other: Context::EMPTY };
    let pair = &raw mut pair;
    // SAFETY: the stack is the second context's alone until this function returns, after which
    // nobody resumes it; each side is resumed only while it is suspended.
    unsafe {
        (*pair).other = Native::init(stack.0.as_mut_ptr_range().end, add_one, pair.cast());
        let mut value = 0;
        for turn in 1..=TURNS {
            value = Native::switch(&raw mut (*pair).main, (*pair).other, value);
            check(1, value == turn);
        }
    }
    check(2, *TURNS_SEEN.lock() == TURNS);
}

fn call_and_leave(stack: &mut Stack) {
    let size = size_of_val(stack);
    let top = stack.0.as_mut_ptr_range().end;
    let here = stack_pointer();
    let mut slot = null_mut();
    // SAFETY: the stack is unused, the functions do not unwind, the slot is in this frame.
    unsafe {
        check(3, Native::call_on(top, distance_below, top, &raw mut slot) < size);
        check(4, slot < here);
        check(5, call_here(distance_below, here, &raw mut slot) < size);
        let at_slot = (&raw mut slot).cast();
        check(6, Native::call_on(top, leave, at_slot, &raw mut slot) == 77);
        check(7, call_here(leave, at_slot, &raw mut slot) == 77);
        // What was left is gone: the next call works as the first did.
        check(8, Native::call_on(top, distance_below, top, &raw mut slot) < size);
    }
}

#[cfg(not(feature = "alloc"))]
fn with_stack(f: impl Fn(&mut Stack)) {
    f(&mut Stack([0; 16 << 10]));
}

/// With an allocator the stack comes from it.
#[cfg(feature = "alloc")]
fn with_stack(f: impl Fn(&mut Stack)) {
    let before = nostd_start::heap_used();
    f(&mut alloc::boxed::Box::new(Stack([0; 16 << 10])));
    check(9, nostd_start::heap_used() - before >= size_of::<Stack>());
}

fn main() {
    with_stack(ping_pong);
    with_stack(call_and_leave);
}
