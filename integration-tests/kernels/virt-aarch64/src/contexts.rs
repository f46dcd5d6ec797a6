//! Bare context switches, before any scheduler: the figure that all others stand on.

use g0_arch::{Arch, Context, Native};

use g0_sched::Platform;

use crate::platform::Virt;
use crate::say;

const TURNS: usize = 1_000_000;
const STACK: usize = 16 << 10;

struct Pair {
    main: Context,
    other: Context,
}

/// Adds one to whatever it is given, for ever.
unsafe extern "C" fn add_one(mut value: usize, pair: *mut u8) -> ! {
    let pair = pair.cast::<Pair>();
    loop {
        // SAFETY: `main` is suspended while this runs, and the pair lies in its frame.
        value = unsafe { Native::switch(&raw mut (*pair).other, (*pair).main, value + 1) };
    }
}

/// Two contexts take turns.
pub fn run() {
    let mut stack = [0_u8; STACK];
    let mut pair = Pair { main: Context::EMPTY, other: Context::EMPTY };
    let pair = &raw mut pair;
    let began = Virt::now();
    let mut value = 0;
    // SAFETY: the stack is the other context's alone; it is resumed only while it is suspended,
    // and never again after this function.
    unsafe {
        (*pair).other = Native::init(stack.as_mut_ptr_range().end, add_one, pair.cast());
        for _ in 0..TURNS {
            value = Native::switch(&raw mut (*pair).main, (*pair).other, value);
        }
    }
    let ns = Virt::now() - began;
    assert_eq!(value, TURNS);
    say!("switch: {} switches, {} ns each", 2 * TURNS, ns / (2 * TURNS as u64));
}
