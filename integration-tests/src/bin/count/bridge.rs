//! Calls of foreign functions, and back.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

type Foreign = extern "C" fn();

/// Callbacks so far: of one thread at a time.
static CALLBACKS: AtomicU64 = AtomicU64::new(0);

extern "C" fn empty() {}

extern "C" fn calls_back() {
    black_box(count_callback_body as Foreign)();
}

g0_cgo::export! {
    fn count_callback_body() {
        // Relaxed, and no read-modify-write: a join comes between two threads that count.
        CALLBACKS.store(CALLBACKS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

pub(crate) fn call(operations: u64) {
    let foreign = black_box(empty as Foreign);
    (0..operations).for_each(|_| g0_cgo::call(|| foreign()));
}

/// A call of a function that calls back once.
pub(crate) fn callback(operations: u64) {
    let foreign = black_box(calls_back as Foreign);
    (0..operations).for_each(|_| g0_cgo::call(|| foreign()));
    assert_eq!(CALLBACKS.load(Ordering::Relaxed), operations);
}

/// Callbacks of a thread that the runtime has not started, while the main goroutine is in foreign code.
pub(crate) fn foreign_callback(operations: u64) {
    let calls = move || {
        let back = black_box(count_callback_body as Foreign);
        (0..operations).for_each(|_| back());
    };
    g0_cgo::call(|| std::thread::spawn(calls).join().expect("the thread only calls"));
    assert_eq!(CALLBACKS.load(Ordering::Relaxed), operations);
}
