//! C code on the core's system stack, and back from it onto the goroutine's.

use core::ffi::{c_long, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use g0_arch::stack_pointer;
use g0_cgo::{Bridge, Sched};

use crate::goroutines::timed;
use crate::platform::Virt;
use crate::{STACK, rt};

type C = Bridge<Sched<Virt>>;

const CALLS: u64 = 1_000_000;
const CALLBACKS: c_long = 100_000;
const PARKS: c_long = 1_000;

type Visit = unsafe extern "C" fn(user: *mut c_void, i: c_long) -> f64;

unsafe extern "C" {
    safe fn client_stack() -> usize;
    safe static __stack_bottom: u8;
    safe static __stack_top: u8;
    fn client_sum(n: c_long, visit: Visit, user: *mut c_void) -> f64;
}

/// Answers of a goroutine to the callbacks of another one.
static ASKED: rt::Chan<c_long, 0> = rt::Chan::new();
static ANSWERED: rt::Chan<f64, 0> = rt::Chan::new();
/// From callback to callback, and what asks for it.
static READY: rt::Chan<(), 0> = rt::Chan::new();
static HELLO: rt::Chan<c_long, 0> = rt::Chan::new();

/// Callbacks open at this moment, and the most there were.
static OPEN: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// What a callback is told through C.
struct User {
    /// An address in the frame of the goroutine that called C: callbacks run below it.
    frame: usize,
    seen: c_long,
}

/// Whether this runs on the stack on which `frame` lies.
fn same_stack(frame: usize) -> bool {
    frame.wrapping_sub(stack_pointer().addr()) < STACK
}

g0_cgo::export! {
    in Sched<Virt>;

    /// Says half of what it is given.
    unsafe fn half(user: *mut c_void, i: c_long) -> f64 = f64::NAN {
        // SAFETY: `run` passes its own through C, and waits for C.
        let user = unsafe { &mut *user.cast::<User>() };
        assert!(same_stack(user.frame), "a callback on another stack");
        user.seen += 1;
        i as f64 / 2.0
    }

    /// Lets another goroutine say it, and waits for the answer.
    unsafe fn ask(user: *mut c_void, i: c_long) -> f64 = f64::NAN {
        assert!(ASKED.send(i).is_ok());
        let answer = ANSWERED.recv().unwrap_or(f64::NAN);
        // SAFETY: as in `half`.
        let user = unsafe { &mut *user.cast::<User>() };
        assert!(same_stack(user.frame), "a callback resumed on another stack");
        user.seen += 1;
        answer
    }

    /// As `half`, but waits until another goroutine says hello from its own callback.
    unsafe fn wait(user: *mut c_void, i: c_long) -> f64 = f64::NAN {
        open(|| assert!(READY.send(()).is_ok() && HELLO.recv().is_ok()));
        // SAFETY: the same promise. A call out of a callback, one level deeper.
        C::call(|| unsafe { half(user, i) })
    }

    /// The other side of `wait`, which cannot return to C before this does: it lies below.
    unsafe fn hello(user: *mut c_void, i: c_long) -> f64 = f64::NAN {
        open(|| {
            assert!(HELLO.send(i).is_ok());
            rt::yield_now();
        });
        // SAFETY: the same promise.
        C::call(|| unsafe { half(user, i) })
    }
}

/// Counts `f` among the open callbacks while it lasts.
fn open<T>(f: impl FnOnce() -> T) -> T {
    let now = OPEN.fetch_add(1, Ordering::Relaxed) + 1;
    MOST.fetch_max(now, Ordering::Relaxed);
    let result = f();
    OPEN.fetch_sub(1, Ordering::Relaxed);
    result
}

/// The sum that C makes of `n` halves with alternating signs: 0 - 1/2 + 2/2 - 3/2 …
fn expected(n: c_long) -> f64 {
    if n % 2 == 0 { -(n as f64) / 4.0 } else { (n - 1) as f64 / 4.0 }
}

/// Sums over `visit` in C, on the system stack.
fn sum(n: c_long, visit: Visit) {
    let mut user = User { frame: stack_pointer().addr(), seen: 0 };
    let word = (&raw mut user).cast();
    // SAFETY: C hands the word to `visit`, which knows it, and keeps nothing.
    let sum = C::call(|| unsafe { client_sum(n, visit, word) });
    assert_eq!((sum, user.seen), (expected(n), n));
}

/// All of it, on the main goroutine.
pub fn run() {
    let on = C::call(|| client_stack());
    let system_stack = (&raw const __stack_bottom).addr()..(&raw const __stack_top).addr();
    assert!(system_stack.contains(&on) && !same_stack(on), "C ran on another stack than g0");

    timed("foreign call", CALLS, || {
        (0..CALLS).for_each(|_| assert_eq!(C::call(|| client_stack()), on))
    });
    timed("callback", CALLBACKS as u64, || sum(CALLBACKS, half));

    let answerer = rt::go(|| {
        while let Ok(i) = ASKED.recv() {
            assert!(ANSWERED.send(i as f64 / 2.0).is_ok());
        }
    });
    // It runs up to its first question: what has never run may wait for another core.
    rt::yield_now();
    timed("callback that parks", PARKS as u64, || sum(PARKS, ask));
    // While one goroutine waits in C's callback another one goes to C and calls back too. C's frames
    // of both lie on the one system stack, and are returned to last in first out.
    let other = rt::go(|| {
        while READY.recv().is_ok() {
            sum(1, hello);
        }
    });
    rt::yield_now();
    timed("callbacks that meet", PARKS as u64, || sum(PARKS, wait));
    assert!(READY.close().is_ok());
    let Ok(()) = other.join();
    assert_eq!((OPEN.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed)), (0, 2));
    assert!(ASKED.close().is_ok());
    let Ok(()) = answerer.join();
}
