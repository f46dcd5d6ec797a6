//! `export!` in a program without `unsafe`: its functions have names of libc's, and replace none.
#![forbid(unsafe_code)]
#![cfg(all(feature = "sched", feature = "std"))]

use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls of the functions below.
static CALLS: AtomicUsize = AtomicUsize::new(0);

g0_cgo::export! {
    fn malloc(_size: usize) -> usize = 1 { calls() }
    fn calloc(_count: usize, _size: usize) -> usize = 1 { calls() }
    /// The C library frees what the thread's start has allocated, for one.
    #[inline(never)]
    fn free(_block: usize) { calls(); }
    fn write(_file: i32, _bytes: usize, _count: usize) -> isize = -1 { calls() as isize }
}

fn calls() -> usize {
    CALLS.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn a_function_without_the_attribute_is_no_symbol() {
    let text = std::thread::spawn(|| (1..4).map(|i| i.to_string()).collect::<Vec<_>>());
    assert_eq!(text.join().expect("no panic"), ["1", "2", "3"]);
    println!("written by libc's `write`");
    assert_eq!(CALLS.load(Ordering::SeqCst), 0);
    // They are functions all the same, which C may be handed. No runtime runs: it would get the default.
    let handed: (extern "C" fn(usize) -> usize, extern "C" fn(usize)) = (malloc, free);
    assert_eq!((handed.0(8), calloc(2, 4), write(1, 0, 0)), (1, 1, -1));
    handed.1(1);
    assert_eq!(CALLS.load(Ordering::SeqCst), 0);
}
