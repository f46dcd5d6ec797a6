//! g0-cgo without std, over a runtime of its own: foreign code runs on the system stack and calls
//! back into closures that run, and let others run, on their goroutine's stack.
#![no_std]
#![no_main]

#[cfg(feature = "alloc")]
extern crate alloc;

mod runtime;

use core::ffi::{c_long, c_void};
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};

use g0_arch::stack_pointer;
use nostd_start::check;
use runtime::{Little, run, yield_now};

nostd_start::program!(main);

type C = g0_cgo::Bridge<Little>;

const VISITS: c_long = 100;

/// Visits by one goroutine, seen by the other.
static VISITED: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// How often a goroutine found that the other one had gone on while it was in a callback.
static INTERLEAVED: AtomicUsize = AtomicUsize::new(0);

type Visit = unsafe extern "C" fn(user: *mut c_void, i: c_long) -> c_long;

/// Plays the C function: it knows a function pointer and a word, and adds up.
extern "C" fn foreign_sum(n: c_long, visit: Visit, user: *mut c_void) -> c_long {
    // SAFETY: the caller passes the word that the function takes.
    (0..n).map(|i| unsafe { black_box(visit)(user, i) }).sum()
}

/// What a callback is told through C.
struct User {
    me: usize,
    /// An address in the goroutine's frame, where callbacks are expected to run below.
    frame: *mut u8,
}

g0_cgo::export! {
    in Little;

    /// Lets the other goroutine run, and says what C is to add.
    unsafe fn visit(user: *mut c_void, i: c_long) -> c_long = -1 {
        // SAFETY: `goroutine` passes its own.
        let user = unsafe { &*user.cast::<User>() };
        check(1, user.frame.addr().wrapping_sub(stack_pointer().addr()) < 64 << 10);
        let other = VISITED[1 - user.me].load(Ordering::Relaxed);
        VISITED[user.me].fetch_add(1, Ordering::Relaxed);
        yield_now();
        if VISITED[1 - user.me].load(Ordering::Relaxed) != other {
            INTERLEAVED.fetch_add(1, Ordering::Relaxed);
        }
        // A call out of a callback, to a second depth.
        C::call(|| i + 1)
    }
}

fn goroutine(me: usize) {
    let user = User { me, frame: stack_pointer() };
    let word = (&raw const user).cast_mut().cast();
    let mut on = stack_pointer();
    let sum = C::call(|| {
        on = stack_pointer();
        foreign_sum(VISITS, visit, word)
    });
    check(2, sum == VISITS * (VISITS + 1) / 2);
    check(3, VISITED[me].load(Ordering::Relaxed) == VISITS as usize);
    check(4, on.addr().abs_diff(user.frame.addr()) > 32 << 10);

    // A small call stays where it is, one that needs more room than there is does not.
    let near = C::call_leaf(1024, stack_pointer);
    check(5, near.addr().abs_diff(user.frame.addr()) < 4 << 10);
    check(6, C::call_leaf(1 << 20, stack_pointer).addr().abs_diff(user.frame.addr()) > 32 << 10);
    check(7, C::call_blocking(|| 7) == 7);
}

/// With an allocator, a result that owns memory comes back from the system stack.
#[cfg(feature = "alloc")]
fn boxed() {
    let before = nostd_start::heap_used();
    let list = C::call(|| alloc::vec![me_too(); 1000]);
    check(8, list.iter().all(|n| *n == 7) && nostd_start::heap_used() - before >= 8000);
}

#[cfg(feature = "alloc")]
fn me_too() -> u64 {
    black_box(7)
}

fn main() {
    run([|| goroutine(0), || goroutine(1)]);
    // Once, not each time: frames on g0 leave it last in first out, so the goroutine that went to C
    // first waits in its callback until the other one is back for good.
    check(9, INTERLEAVED.load(Ordering::Relaxed) >= 1);
    // On a thread without a goroutine a call is just a call.
    check(10, C::call(|| 7) == 7);
    #[cfg(feature = "alloc")]
    run([boxed]);
}
