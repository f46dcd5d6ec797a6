// A runtime of one thread and many goroutines, without g0-sched, in sixty lines of code.
//
// To park is to call the scheduler on g0, and to go on is to escape out of that call: a parked
// goroutine's `sp` and the M's `g0_sp` are both what `call_on` wrote. The scheduler is always
// entered anew, below whatever is live on g0, and never returns. A panic must not leave `main`.

use std::{cell::Cell, collections::VecDeque, ptr::null_mut};

use g0_arch::{Arch, Native, call_here};
use g0_cgo::{BadCall, Call, Here, Runtime, Seat};

type Stack = [u128; 16 << 10];
#[rustfmt::skip]
struct G { sp: *mut u8, calls: *mut Call, stack: *mut Stack, main: Option<Box<dyn FnOnce()>> }
#[rustfmt::skip]
struct M { g0_sp: *mut u8, curg: *mut G, foreign: bool, ready: VecDeque<*mut G> }
thread_local!(static THIS: Cell<*mut M> = const { Cell::new(null_mut()) });

/// Runs `main` as the first goroutine, and returns when all have ended.
pub fn run(main: impl FnOnce() + 'static) {
    let mut m = M { g0_sp: null_mut(), curg: null_mut(), foreign: false, ready: VecDeque::new() };
    THIS.set(&raw mut m);
    go(main);
    // SAFETY: the last `schedule` escapes to here, when no goroutine is left.
    unsafe { call_here(schedule, null_mut(), &raw mut (*THIS.get()).g0_sp) };
    THIS.set(null_mut());
}

/// Starts a goroutine.
pub fn go(f: impl FnOnce() + 'static) {
    // SAFETY: zeros are numbers.
    let stack = Box::into_raw(unsafe { Box::<Stack>::new_zeroed().assume_init() });
    let g = G { sp: null_mut(), calls: null_mut(), stack, main: Some(Box::new(f)) };
    // SAFETY: this is called inside `run`, whose M nobody else refers to at the moment.
    unsafe { &mut *THIS.get() }.ready.push_back(Box::into_raw(Box::new(g)));
}

/// Lets the other goroutines run.
pub fn yield_now() {
    let m = THIS.get();
    // SAFETY: called by the running goroutine; g0 is free below `g0_sp`.
    unsafe {
        (&mut (*m).ready).push_back((*m).curg);
        Native::call_on((*m).g0_sp, schedule, null_mut(), &raw mut (*(*m).curg).sp);
    }
}

unsafe extern "C" fn schedule(ended: *mut u8) -> usize {
    let m = THIS.get();
    // SAFETY: on g0; nothing runs on the stack of `ended` any more, and nobody resumes it.
    unsafe {
        (*m).curg = null_mut();
        if !ended.is_null() {
            drop(Box::from_raw(Box::from_raw(ended.cast::<G>()).stack));
        }
        let Some(g) = (&mut (*m).ready).pop_front() else { Native::escape(&raw mut (*m).g0_sp, 0) };
        (*m).curg = g;
        if !(*g).sp.is_null() {
            Native::escape(&raw mut (*g).sp, 0)
        }
        Native::call_on((*g).stack.add(1).cast(), start, g.cast(), &mut null_mut())
    }
}

unsafe extern "C" fn start(g: *mut u8) -> usize {
    // SAFETY: `schedule` gave us a goroutine, and g0 is free below `g0_sp`; this does not return.
    unsafe {
        let main = (&mut (*g.cast::<G>()).main).take();
        main.into_iter().for_each(|main| main());
        Native::call_on((*THIS.get()).g0_sp, schedule, g, &mut null_mut())
    }
}

unsafe extern "C" {
    safe fn __errno_location() -> *mut i32;
}

// SAFETY: `curg` and `foreign` are what `here` says; nothing schedules while `foreign` is set,
// and there is one M, so nothing is retaken, bound or waited for.
unsafe impl Runtime for Sixty {
    #[cfg(feature = "std")]
    type Unwind = g0_cgo::Rust;
    #[cfg(not(feature = "std"))]
    type Unwind = g0_cgo::NoUnwind;

    #[inline]
    fn here() -> Here {
        let m = THIS.get();
        if m.is_null() {
            return Here::Outside;
        }
        // SAFETY: `run` keeps its M, and the M its running goroutine.
        let (g, g0_sp, foreign) = unsafe { ((*m).curg, &raw mut (*m).g0_sp, (*m).foreign) };
        if g.is_null() {
            return Here::SystemStack;
        }
        // SAFETY: as above.
        let (calls, limit) = unsafe { (&raw mut (*g).calls, (*g).stack.cast()) };
        let seat = Seat { g0_sp, calls, limit, token: m.cast() };
        if foreign { Here::Foreign(seat) } else { Here::Goroutine(seat) }
    }

    #[inline]
    unsafe fn enter(seat: Seat) {
        // SAFETY: the token is our M, here and below.
        unsafe { (*seat.token.cast::<M>()).foreign = true }
    }

    #[inline]
    unsafe fn leave(seat: Seat) {
        // SAFETY: as above.
        unsafe { (*seat.token.cast::<M>()).foreign = false }
    }

    unsafe fn release(_: Seat) {}

    #[inline]
    unsafe fn begin(seat: Seat) -> usize {
        // SAFETY: as above; and `errno` is this thread's.
        unsafe {
            (*seat.token.cast::<M>()).foreign = false;
            *__errno_location() as usize
        }
    }

    #[inline]
    unsafe fn end(seat: Seat, errno: usize) {
        // SAFETY: as above.
        unsafe {
            (*seat.token.cast::<M>()).foreign = true;
            *__errno_location() = errno as i32;
        }
    }

    unsafe fn settle(seat: Seat, bottom: *mut u8) {
        // SAFETY: as above; those whose frames lie below are ready, or waiting for such.
        while unsafe { *seat.g0_sp } != bottom {
            yield_now();
        }
    }

    fn fatal(bad: BadCall) -> ! {
        eprintln!("fatal: {bad}");
        std::process::abort()
    }
}

/// The runtime's name.
pub struct Sixty;
