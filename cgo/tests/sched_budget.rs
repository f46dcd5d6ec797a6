//! What a callback takes before the user's closure runs: bytes of both stacks, and no allocation.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::on_every_runtime;
use g0_arch::stack_pointer;
use g0_cgo::{Call, call, callback, callback_unwind};
use g0_sched::bridge::{CallerContext, here};
use g0_sched::{Hosted, go};

/// Bytes between the end of the call's frame and the user's closure: the goroutine's stack.
const BUDGET: usize = if cfg!(debug_assertions) { 1024 } else { 128 };

/// The system's allocator; counts what each thread asks of it.
struct Counting;

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

// SAFETY: it is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: handed through.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: handed through.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of the calling thread so far. A function, so that a goroutine asks the thread it is on.
#[inline(never)]
fn allocations() -> usize {
    ALLOCATIONS.get()
}

/// What the closure sees.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Inside {
    sp: usize,
    g0_sp: usize,
    allocations: usize,
}

const NOTHING: Inside = Inside { sp: 0, g0_sp: 0, allocations: 0 };

impl Inside {
    /// With the closure's own stack pointer: what is looked at here is not the callback's doing.
    #[inline(never)]
    fn see(&mut self, sp: *mut u8, captured: &[u64]) {
        let (sp, allocations) = (sp.addr(), allocations());
        assert!(black_box(captured).iter().all(|&word| word == 7));
        let CallerContext::Goroutine(handle) = here::<Hosted>() else {
            panic!("not in a goroutine's code")
        };
        // SAFETY: the running goroutine's handle.
        *self = Inside { sp, g0_sp: unsafe { handle.g0_sp().read().addr() }, allocations };
    }
}

/// Returns where the goroutine's stack is free during this call; seen from C.
fn base_sp() -> usize {
    let CallerContext::Foreign(handle) = here::<Hosted>() else { panic!("not in a call") };
    // SAFETY: in foreign code the word points to the call.
    unsafe { (**handle.call().cast::<*mut Call>()).stack_pointer().addr() }
}

/// As C calls it: with the frames of the closure's own `extern "C"` function, and no more.
#[inline(never)]
extern "C" fn captures_0(unwinds: bool) -> Inside {
    fn closure() -> Inside {
        let mut inside = NOTHING;
        inside.see(stack_pointer(), &[]);
        inside
    }
    assert_eq!(size_of_val(&closure), 0);
    if unwinds {
        // SAFETY: the closure does not panic.
        unsafe { callback_unwind(closure) }
    } else {
        callback(NOTHING, closure)
    }
}

/// Seven words, and where to write what it sees.
#[inline(never)]
extern "C" fn captures_64(unwinds: bool) -> Inside {
    let mut inside = NOTHING;
    let (captured, place) = (black_box([7_u64; 7]), &mut inside);
    let closure = move || place.see(stack_pointer(), &captured);
    assert_eq!(size_of_val(&closure), 64);
    if unwinds {
        // SAFETY: the closure does not panic.
        unsafe { callback_unwind(closure) }
    } else {
        callback((), closure);
    }
    inside
}

/// `retaken`: C first waits until another goroutine has run, on the one P there is.
fn measure(what: &str, function: extern "C" fn(bool) -> Inside, unwinds: bool, retaken: bool) {
    let ran = Arc::new(AtomicBool::new(false));
    let theirs = ran.clone();
    let other = retaken.then(|| go(move || theirs.store(true, Ordering::SeqCst)));
    let (base, c_sp, before, inside) = call(|| {
        while retaken && !ran.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let (base, c_sp, before) = (base_sp(), stack_pointer().addr(), allocations());
        (base, c_sp, before, black_box(function)(black_box(unwinds)))
    });
    if let Some(other) = other {
        other.join().unwrap();
    }
    let form = if unwinds { "callback_unwind" } else { "callback" };
    let proc = if retaken { "retaken" } else { "kept" };
    let (goroutine, c) = (base - inside.sp, c_sp - inside.g0_sp);
    println!(
        "{form}, {what} captured, P {proc}: {goroutine} bytes of the goroutine's stack, {c} of C's"
    );
    assert!((1..=BUDGET).contains(&goroutine), "{goroutine} bytes, not {BUDGET} at most");
    assert_eq!(inside.allocations, before, "no allocation before the closure runs");
}

#[test]
fn a_callback_takes_little_of_the_goroutines_stack_and_allocates_nothing() {
    on_every_runtime(1, || {
        for unwinds in [false, true] {
            for retaken in [false, true] {
                measure("0 bytes", captures_0, unwinds, retaken);
                measure("64 bytes", captures_64, unwinds, retaken);
            }
        }
    });
}
