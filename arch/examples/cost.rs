//! What the four functions cost, beside a plain indirect call, in one run.

use std::hint::black_box;
use std::ptr;
use std::time::Instant;

use g0_arch::{Arch, Call, Context, Native};

const N: usize = 2_000_000;

/// Returns the best of 15 rounds, in nanoseconds.
fn best(mut round: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..15 {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed().as_nanos() as f64 / N as f64);
    }
    best
}

unsafe extern "C" fn next(arg: *mut u8) -> usize {
    arg.addr() + 1
}

unsafe extern "C" fn leave(slot: *mut u8) -> usize {
    // SAFETY: `main` passes the slot of the call that this is in.
    unsafe { Native::escape(slot.cast(), 1) }
}

struct Pair {
    main: Context,
    other: Context,
}

/// A frame that has to be returned from after each switch.
#[inline(never)]
unsafe fn suspend(pair: *mut Pair, value: usize) -> usize {
    // SAFETY: `main` is suspended while the other runs.
    unsafe { Native::switch(&raw mut (*pair).other, (*pair).main, value) }
}

#[inline(never)]
unsafe fn resume(pair: *mut Pair, value: usize) -> usize {
    // SAFETY: the other is suspended while `main` runs.
    unsafe { Native::switch(&raw mut (*pair).main, (*pair).other, value) }
}

unsafe extern "C" fn other(mut value: usize, data: *mut u8) -> ! {
    loop {
        // SAFETY: the pair outlives the loop.
        value = unsafe { suspend(data.cast(), value + 1) };
    }
}

fn main() {
    // Tops a few cache lines apart, as a stack allocator would have them.
    let mut one = vec![0_u8; 64 << 10];
    let mut two = vec![0_u8; 64 << 10];
    let top = one.as_mut_ptr_range().end.wrapping_sub(256);
    let mut slot: *mut u8 = ptr::null_mut();
    let slot = &raw mut slot;
    let mut pair = Pair { main: Context::EMPTY, other: Context::EMPTY };
    let p = &raw mut pair;
    let f: Call = next;

    let plain = best(|| {
        let mut arg = 0;
        for _ in 0..N {
            // SAFETY: `next` only computes.
            arg = unsafe { black_box(f)(ptr::without_provenance_mut(arg)) };
        }
        black_box(arg);
    });
    let call = best(|| {
        let mut arg = 0;
        for _ in 0..N {
            // SAFETY: `next` only computes; the stack is unused.
            arg = unsafe {
                Native::call_on(top, black_box(f), ptr::without_provenance_mut(arg), slot)
            };
        }
        black_box(arg);
    });
    let escape = best(|| {
        for _ in 0..N {
            // SAFETY: `leave` leaves this call; the stack is unused.
            black_box(unsafe { Native::call_on(top, leave, slot.cast(), slot) });
        }
    });
    // SAFETY: nothing else uses the stack; the context is abandoned with nothing to drop.
    unsafe {
        let top = two.as_mut_ptr_range().end.wrapping_sub(448);
        (*p).other = Native::init(top, other, p.cast());
    }
    let inlined = best(|| {
        let mut value = 0;
        for _ in 0..N {
            // SAFETY: the other is suspended.
            value = unsafe { Native::switch(&raw mut (*p).main, (*p).other, value) };
        }
        black_box(value);
    });
    let framed = best(|| {
        let mut value = 0;
        for _ in 0..N {
            // SAFETY: the other is suspended.
            value = unsafe { resume(p, value) };
        }
        black_box(value);
    });
    println!("plain indirect call                  {plain:6.2} ns");
    println!("call_on                              {call:6.2} ns  {:.2} times", call / plain);
    println!("call_on + escape                     {escape:6.2} ns  {:.2} times", escape / plain);
    println!("switch round trip, other in a frame  {inlined:6.2} ns");
    println!("switch round trip, both in a frame   {framed:6.2} ns");
}
