//! The runtime of sixty lines, and what several tests want of it.
#![allow(dead_code, unused_imports)]

#[path = "../../examples/sixty_lines/runtime.rs"]
pub mod runtime;

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use g0_arch::stack_pointer;
use g0_cgo::{Bridge, CallerContext, MHandle, Runtime};
pub use runtime::{Sixty, go, run, yield_now};

pub type C = Bridge<Sixty>;
type Payload = Box<dyn Any + Send>;

/// Runs a test as a goroutine; its panics are the test's. Afterwards the M is as it was.
pub fn goroutine(test: impl FnOnce() + 'static) {
    let failure = Rc::new(Cell::new(None::<Payload>));
    let theirs = failure.clone();
    run(move || {
        let before = g0_sp();
        theirs.set(catch_unwind(AssertUnwindSafe(test)).err());
        if g0_sp() != before {
            theirs.set(Some(Box::new("the test left g0_sp somewhere else")));
        }
    });
    if let Some(failure) = failure.take() {
        resume_unwind(failure);
    }
    assert!(matches!(Sixty::here(), CallerContext::Outside));
}

/// Returns the handle of the running goroutine, which must be in its ordinary code.
pub fn handle() -> MHandle {
    let CallerContext::Goroutine(handle) = Sixty::here() else {
        panic!("not in a goroutine's code")
    };
    handle
}

pub fn g0_sp() -> *mut u8 {
    // SAFETY: the running goroutine's handle.
    unsafe { *handle().g0_sp }
}

/// Returns whether this code is on the stack that begins at `limit`.
#[inline(always)]
pub fn on_stack_of(limit: *mut u8) -> bool {
    (limit.addr()..limit.addr() + (4 << 20)).contains(&stack_pointer().addr())
}

/// Returns what a panic said.
pub fn text(payload: &Payload) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "not text",
    }
}

/// Returns the panic that leaves `f`. The hook is not run, so that the tests are quiet.
pub fn panic_of<T>(f: impl FnOnce() -> T) -> Payload {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("no panic came out"),
        Err(payload) => payload,
    }
}

/// Panics with `text`, without the hook.
pub fn quiet_panic(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// A frame that faults if the stack is not aligned as the ABI says: the compiler assumes that it
/// is, and aligned stores are what C libraries do first.
#[inline(never)]
pub extern "C" fn aligned_frame() {
    #[repr(align(16))]
    struct Line([u8; 16]);
    let mut line = std::hint::black_box(Line([1; 16]));
    let place = &raw mut line;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it writes to `line`, if that is aligned; else it faults, and the test has failed.
    unsafe {
        std::arch::asm!("pxor xmm0, xmm0", "movaps [{}], xmm0", in(reg) place, out("xmm0") _)
    };
    assert_eq!(std::hint::black_box(place.addr()) % 16, 0);
}

/// Runs `f` on a thread with a stack that nesting does not use up.
pub fn on_large_stack(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(f).unwrap();
    if let Err(payload) = thread.join() {
        resume_unwind(payload);
    }
}
