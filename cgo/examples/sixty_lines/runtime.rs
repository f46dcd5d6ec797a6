// A runtime of one thread and many goroutines, without g0-sched, in sixty lines (not counting
// comments, imports, attributes and braces).
//
// To park is to call the scheduler on g0, and to go on is to escape out of that call: a parked
// goroutine's `sp` and the M's `g0_sp` are both what `call_on` wrote. The scheduler is always
// entered anew, below whatever is live on g0, and never returns. No panic may leave a goroutine.

use std::{cell::UnsafeCell, collections::VecDeque, mem::ManuallyDrop, ptr::null_mut};

use g0_arch::{Arch, Native, call_here};
use g0_cgo::CallerContext::{self, Foreign, Goroutine, Outside, SystemStack};
use g0_cgo::{BadCall, Call, MHandle, Runtime};

#[rustfmt::skip]
struct G { sp: *mut u8, stack: *mut [u128; 256 << 10], main: *mut dyn FnOnce() }
/// The M, and the name of the runtime.
#[rustfmt::skip]
pub struct Sixty { g0_sp: *mut u8, call: *mut Call, curg: *mut G, ready: ManuallyDrop<VecDeque<*mut G>> }
#[rustfmt::skip]
thread_local!(static THIS: UnsafeCell<Sixty> = const { UnsafeCell::new(Sixty {
    g0_sp: null_mut(), call: null_mut(), curg: null_mut(), ready: ManuallyDrop::new(VecDeque::new()),
})});

fn this() -> *mut Sixty {
    THIS.with(UnsafeCell::get)
}

/// Runs `main` as a goroutine, and returns when all goroutines have ended.
pub fn run(main: impl FnOnce() + 'static) {
    assert!(matches!(Sixty::here(), Outside), "a runtime inside a runtime");
    go(main);
    // SAFETY: the last `schedule` escapes to here, when no goroutine is left.
    unsafe {
        call_here(schedule, null_mut(), &raw mut (*this()).g0_sp);
        (*this()).g0_sp = null_mut();
    }
}

/// Starts a goroutine, to be run by `run` on this thread. Its stack has 4 MiB and no guard; only what
/// is touched becomes memory.
pub fn go(f: impl FnOnce() + 'static) {
    // SAFETY: zeros are numbers; and nothing else refers to the queue now.
    unsafe {
        let stack = Box::into_raw(Box::new_zeroed().assume_init());
        let g = G { sp: null_mut(), stack, main: Box::into_raw(Box::new(f)) };
        (*this()).ready.push_back(Box::into_raw(Box::new(g)));
    }
}

/// Lets the other goroutines run; called by a goroutine, in its ordinary code.
pub fn yield_now() {
    assert!(matches!(Sixty::here(), Goroutine(_)), "yield_now: not a goroutine's code");
    // SAFETY: so there are an M and its goroutine, and g0 is free below `g0_sp`.
    unsafe {
        (*this()).ready.push_back((*this()).curg);
        Native::call_on((*this()).g0_sp, schedule, null_mut(), &raw mut (*(*this()).curg).sp);
    }
}

/// Never returns. `ended` is null, or a goroutine to be freed.
unsafe extern "C" fn schedule(ended: *mut u8) -> usize {
    // SAFETY: on g0; nothing runs on the stack of `ended` any more, and nothing resumes it.
    unsafe {
        if !ended.is_null() {
            drop(Box::from_raw(Box::from_raw(ended.cast::<G>()).stack));
        }
        let g = (*this()).ready.pop_front().unwrap_or(null_mut());
        (*this()).curg = g;
        let slot = if g.is_null() { &raw mut (*this()).g0_sp } else { &raw mut (*g).sp };
        if !(*slot).is_null() {
            Native::escape(slot, 0)
        }
        let mut fresh = Native::init((*g).stack.add(1).cast(), start, g.cast());
        Native::switch(&raw mut fresh, fresh, 0)
    }
}

unsafe extern "C" fn start(_: usize, g: *mut u8) -> ! {
    // SAFETY: `schedule` has switched here to a new goroutine, and g0 is free below `g0_sp`.
    unsafe {
        Box::from_raw((*g.cast::<G>()).main)();
        Native::call_on((*this()).g0_sp, schedule, g, &mut null_mut());
    }
    unreachable!("the scheduler does not return")
}

// SAFETY: `curg` and `call` are what `here` says; nothing schedules while `call` is set; and there
// is one M, so nothing is retaken, bound, or waited for.
unsafe impl Runtime for Sixty {
    #[cfg(feature = "std")]
    type Unwind = g0_cgo::Rust;
    #[cfg(not(feature = "std"))]
    type Unwind = g0_cgo::NoUnwind;

    #[inline]
    fn here() -> CallerContext {
        let m = this();
        // SAFETY: the M is the thread's, and it keeps its running goroutine.
        unsafe {
            let (g0_sp, call, g) = (&raw mut (*m).g0_sp, &raw mut (*m).call, (*m).curg);
            if g.is_null() {
                return if (*g0_sp).is_null() { Outside } else { SystemStack };
            }
            let handle = MHandle { g0_sp, call, limit: (*g).stack.cast(), token: null_mut() };
            if (*call).is_null() { Goroutine(handle) } else { Foreign(handle) }
        }
    }

    unsafe fn enter(_: MHandle) {}
    unsafe fn leave(_: MHandle) {}

    unsafe fn begin(_: MHandle) -> usize {
        // SAFETY: `errno` is this thread's, here and below.
        unsafe { *__errno_location() as usize }
    }

    unsafe fn end(_: MHandle, errno: usize) {
        // SAFETY: as above.
        unsafe { *__errno_location() = errno as i32 }
    }

    unsafe fn settle(handle: MHandle, bottom: *mut u8) {
        // SAFETY: the word of this M. Those whose frames lie below are ready, or wait like this one.
        while unsafe { handle.g0_sp.read() } != bottom {
            yield_now();
        }
    }

    fn fatal(bad: BadCall) -> ! {
        eprintln!("fatal: {bad}");
        std::process::abort()
    }
}

unsafe extern "C" {
    safe fn __errno_location() -> *mut i32;
}
