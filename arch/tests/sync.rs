//! The facade, outside of loom. (Under it, `tests/loom.rs`.)
#![cfg(not(loom))]

use std::thread;

use g0_arch::sync::atomic::{AtomicUsize, Ordering};
use g0_arch::sync::cell::UnsafeCell;
use g0_arch::sync::{Backoff, Mutex, hint};

static COUNT: Mutex<usize> = Mutex::new(0);
static TURN: AtomicUsize = AtomicUsize::new(0);

#[test]
fn the_lock_excludes() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..10_000 {
                    let mut count = COUNT.lock();
                    let old = *count;
                    hint::spin_loop();
                    *count = old + 1;
                }
            });
        }
    });
    assert_eq!(*COUNT.lock(), 40_000);
}

#[test]
fn a_held_lock_is_not_had_by_trying() {
    let mut lock = Mutex::new(1);
    let guard = lock.lock();
    assert!(lock.try_lock().is_none());
    drop(guard);
    assert!(lock.try_lock().is_some());
    *lock.get_mut() = 2;
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn waiting_by_backoff_ends() {
    thread::scope(|s| {
        s.spawn(|| TURN.store(1, Ordering::Release));
        let backoff = Backoff::new();
        // Acquire: as a user would wait for what was done before the store.
        while TURN.load(Ordering::Acquire) == 0 {
            backoff.snooze();
        }
    });
}

#[test]
fn a_cell_gives_its_pointer_for_the_length_of_a_closure() {
    let cell = UnsafeCell::new(1);
    // SAFETY: the cell has no other user.
    cell.with_mut(|p| unsafe { *p += 1 });
    // SAFETY: as above.
    assert_eq!(cell.with(|p| unsafe { *p }), 2);
    assert_eq!(cell.into_inner(), 2);
}
