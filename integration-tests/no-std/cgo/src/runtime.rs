//! The runtime that the bridge is tried on: a fixed number of goroutines on one thread, each of
//! which switches to the next by itself. Nothing of it ever runs on g0, which so is left to the
//! foreign code alone, however deeply callbacks of several goroutines are parked there.

use core::cell::UnsafeCell;
use core::ptr::{null_mut, slice_from_raw_parts_mut};

use g0_arch::{Arch, Context, Native};
use g0_cgo::{BadCall, Call, CallerContext, MHandle, NoUnwind, Runtime};
use nostd_start::{exit, say};

const STACK: usize = 64 << 10;

#[repr(align(16))]
struct Goroutine {
    stack: [u8; STACK],
    context: Context,
    main: fn(),
    ended: bool,
}

/// The thread: where its system stack is free, the open call, and who runs.
struct Machine {
    main: Context,
    g0_sp: *mut u8,
    call: *mut Call,
    current: *mut Goroutine,
    all: *mut [Goroutine],
}

struct OneThread(UnsafeCell<Machine>);

// SAFETY: the program has one thread.
unsafe impl Sync for OneThread {}

static MACHINE: OneThread = OneThread(UnsafeCell::new(Machine {
    main: Context::EMPTY,
    g0_sp: null_mut(),
    call: null_mut(),
    current: null_mut(),
    all: slice_from_raw_parts_mut(null_mut(), 0),
}));

/// Runs the functions as goroutines, the first one first; returns when all have ended.
pub fn run<const N: usize>(mains: [fn(); N]) {
    let mut all = mains.map(|main| Goroutine {
        stack: [0; STACK],
        context: Context::EMPTY,
        main,
        ended: false,
    });
    let m = MACHINE.0.get();
    for g in &mut all {
        // SAFETY: the stack is the goroutine's alone and outlives it: it lies in this frame,
        // which is left when all have ended.
        g.context = unsafe { Native::init(g.stack.as_mut_ptr_range().end, start, null_mut()) };
    }
    // SAFETY: nobody runs yet; the last goroutine to end resumes `main`.
    unsafe {
        (*m).all = &raw mut all;
        (*m).g0_sp = null_mut();
        (*m).current = (&raw mut all).cast();
        let first = (*(*m).current).context;
        Native::switch(&raw mut (*m).main, first, 0);
        (*m).current = null_mut();
    }
}

unsafe extern "C" fn start(_value: usize, _data: *mut u8) -> ! {
    let m = MACHINE.0.get();
    // SAFETY: one thread, and this goroutine runs. What is suspended in `main` leaves the system
    // stack free below its stack pointer; whoever has called C since has lowered nothing for good.
    unsafe {
        if (*m).g0_sp.is_null() {
            (*m).g0_sp = (*m).main.stack_pointer();
        }
        ((*(*m).current).main)();
        (*(*m).current).ended = true;
    }
    yield_now();
    exit(100)
}

/// Lets the next goroutine run that has not ended; if none is left, what called `run`.
pub fn yield_now() {
    let m = MACHINE.0.get();
    // SAFETY: called by the goroutine that runs. The others, and `main`, are suspended; each
    // switch makes the one it resumes the current one.
    unsafe {
        let count = (*m).all.len();
        let first = (*m).all.cast::<Goroutine>();
        let me = (*m).current;
        let place = me.offset_from_unsigned(first);
        let others = (1..=count).map(|step| first.add((place + step) % count));
        match others.into_iter().find(|g| !(**g).ended) {
            Some(g) if g == me => {}
            Some(g) => {
                (*m).current = g;
                Native::switch(&raw mut (*me).context, (*g).context, 0);
            }
            None => {
                Native::switch(&raw mut (*me).context, (*m).main, 0);
            }
        }
    }
}

/// The runtime's name.
pub struct Little;

// SAFETY: one thread, so `current` and `call` are all that `here` has to know. Nothing is
// scheduled on g0 at all, and a goroutine switches only in its ordinary state.
unsafe impl Runtime for Little {
    type Unwind = NoUnwind;

    fn here() -> CallerContext {
        let m = MACHINE.0.get();
        // SAFETY: one thread, and no reference into the machine is kept anywhere.
        unsafe {
            if (*m).current.is_null() {
                return CallerContext::Outside;
            }
            let handle = MHandle {
                g0_sp: &raw mut (*m).g0_sp,
                call: &raw mut (*m).call,
                limit: (&raw mut (*(*m).current).stack).cast(),
                token: null_mut(),
            };
            if (*m).call.is_null() {
                CallerContext::Goroutine(handle)
            } else {
                CallerContext::Foreign(handle)
            }
        }
    }

    unsafe fn enter(_: MHandle) {}
    unsafe fn leave(_: MHandle) {}
    unsafe fn release(_: MHandle) -> *mut Call {
        null_mut()
    }

    unsafe fn begin(_: MHandle) -> usize {
        0
    }

    unsafe fn end(_: MHandle, _: usize) {}

    unsafe fn settle(handle: MHandle, bottom: *mut u8) {
        loop {
            // SAFETY: the machine's word; whoever has frames below ours is ready to go on.
            if unsafe { handle.g0_sp.read() } == bottom {
                return;
            }
            yield_now();
        }
    }

    fn fatal(bad: BadCall) -> ! {
        let _ = bad;
        say("fatal: bad g in callback");
        exit(99)
    }
}
