//! Stacks that overflow: a goroutine's, and one of a user's own beside a runtime, which knows nothing of it.

use std::hint::black_box;
use std::ptr;

use g0_arch::{Arch, Native};
use g0_sched::{Runtime, go, go_named};
use g0_stack::overflow::AltStack;
use g0_stack::{Class, SlabSource, StackSource};

use crate::setup::Setup;

/// Recursion without end, as far as the compiler can see.
#[inline(never)]
fn deeper(n: u64) -> u64 {
    let frame = black_box([n; 32]);
    if black_box(n) == u64::MAX { 0 } else { deeper(n + 1) + frame[(n % 32) as usize] }
}

unsafe extern "C" fn overflows(_: *mut u8) -> usize {
    deeper(0) as usize
}

pub fn of_a_goroutine(setup: Setup) -> String {
    setup.run_on(Runtime::builder().stack_size(64 << 10), || {
        drop(go_named("bottomless", || deeper(0)).join());
    });
    "no overflow".to_owned()
}

/// On a stack of the slab, from which runtimes have theirs too.
fn own_stack() {
    let source = Box::leak(Box::new(SlabSource::new()));
    let stack = source.alloc(Class::for_size(16 << 10).expect("a class")).expect("a stack");
    let _signals = AltStack::ensure().expect("a stack for signals");
    let mut slot = ptr::null_mut();
    // SAFETY: the stack is this function's own and unused, and nothing unwinds on it.
    unsafe { Native::call_on(stack.top(), overflows, ptr::null_mut(), &raw mut slot) };
}

/// On a thread of its own while a runtime runs.
pub fn of_an_own_stack(setup: Setup) -> String {
    setup.run(|| {
        go(|| std::thread::spawn(own_stack).join().is_ok()).join().expect("it waits");
    });
    "no overflow".to_owned()
}

/// On this thread, when the runtime has gone and what it has set up for overflows has stayed.
pub fn of_an_own_stack_after_the_run(setup: Setup) -> String {
    setup.run(|| drop(go(|| 5).join()));
    own_stack();
    "no overflow".to_owned()
}
