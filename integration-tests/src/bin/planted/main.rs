//! Mistakes for memory checkers to find, each of them across switches of stacks: what shows that a
//! clean run under a checker means something.
//!
//! `planted NAME` makes one on goroutines and says so; without its checker nothing else happens.
//! `planted nothing` does the same without the mistake.

// The C files are linked into the library.
use g0_integration_tests as _;

use std::cell::UnsafeCell;
use std::hint::{black_box, spin_loop};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use g0_sched::{Runtime, go, yield_now};

/// How often what has nothing wrong is done.
const TURNS: u64 = 1000;

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let plant: fn() = match name.as_str() {
        "nothing" => nothing,
        "use-after-return" => use_after_return,
        "data-race" => data_race,
        "invalid-read" => invalid_read,
        _ => {
            eprintln!("planted nothing|use-after-return|data-race|invalid-read");
            std::process::exit(2);
        }
    };
    // SAFETY: the plants keep nothing of a thread's.
    let runtime = unsafe { Runtime::builder().procs(2).build_pinned() };
    runtime.expect("a runtime").run(plant).expect("main returns");
    println!("planted: {name}");
}

/// Lets others run, so that this stack is left and come back to.
fn away() {
    let others: Vec<_> = (0..4).map(|_| go(yield_now)).collect();
    yield_now();
    others.into_iter().for_each(|other| other.join().expect("it ends"));
}

fn nothing() {
    let local: Box<[u64; 4]> = black_box(Box::new([1, 2, 3, 4]));
    away();
    assert_eq!(black_box(local).iter().sum::<u64>(), 10);
}

static GONE: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());

/// Leaves the address of a frame that is gone by the time anybody reads it. No `black_box` here: the
/// sanitizer leaves functions with inline assembly on the ordinary stack, where a use after return is
/// not seen.
#[inline(never)]
fn frame() {
    let mut local = [7_u64; 8];
    GONE.store(&raw mut local[3], Ordering::Relaxed);
    away();
}

fn use_after_return() {
    frame();
    away();
    // SAFETY: none: this is the mistake.
    black_box(unsafe { GONE.load(Ordering::Relaxed).read_volatile() });
}

struct Shared(UnsafeCell<u64>);
// SAFETY: none: this is the mistake.
unsafe impl Sync for Shared {}
static SHARED: Shared = Shared(UnsafeCell::new(0));
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Two goroutines at the same time, hence on two Ps, with nothing between them.
fn data_race() {
    let racer = || {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        while RUNNING.load(Ordering::Relaxed) != 2 {
            spin_loop();
        }
        for _ in 0..TURNS {
            // SAFETY: none: this is the mistake.
            unsafe { SHARED.0.get().write(black_box(SHARED.0.get().read() + 1)) };
        }
    };
    let racers = [go(racer), go(racer)];
    racers.into_iter().for_each(|racer| racer.join().expect("it ends"));
}

/// Beyond the end of what the heap gave, after the stack was left and come back to.
fn invalid_read() {
    let words = vec![7_u64; 8];
    away();
    let beyond = black_box(words.as_ptr()).wrapping_add(words.len());
    // SAFETY: none: this is the mistake.
    black_box(unsafe { beyond.read_volatile() });
    drop(words);
}
