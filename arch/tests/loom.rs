//! The facade under loom: `RUSTFLAGS="--cfg loom" cargo test -p g0-arch --features loom --test loom`.
#![cfg(loom)]

use g0_arch::sync::atomic::{AtomicBool, Ordering};
use g0_arch::sync::cell::UnsafeCell;
use g0_arch::sync::{Backoff, Mutex};
use loom::sync::Arc;

#[test]
fn the_lock_excludes() {
    loom::model(|| {
        let lock = Arc::new(Mutex::new(0));
        let other = lock.clone();
        let t = loom::thread::spawn(move || *other.lock() += 1);
        *lock.lock() += 1;
        t.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}

#[test]
fn release_and_acquire_hand_a_cell_over() {
    struct Shared(AtomicBool, UnsafeCell<usize>);
    // SAFETY: the flag says whose turn it is.
    unsafe impl Send for Shared {}
    // SAFETY: as above.
    unsafe impl Sync for Shared {}
    loom::model(|| {
        let shared = Arc::new(Shared(AtomicBool::new(false), UnsafeCell::new(0)));
        let other = shared.clone();
        let t = loom::thread::spawn(move || {
            // SAFETY: the flag is not set yet.
            other.1.with_mut(|p| unsafe { *p = 7 });
            other.0.store(true, Ordering::Release);
        });
        let backoff = Backoff::new();
        while !shared.0.load(Ordering::Acquire) {
            backoff.snooze();
        }
        // SAFETY: the flag is set, and read with Acquire.
        assert_eq!(shared.1.with(|p| unsafe { *p }), 7);
        t.join().unwrap();
    });
}
