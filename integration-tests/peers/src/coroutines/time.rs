//! Sleeping coroutines.

use super::{go, on};
use crate::timing::{late, never};
use may::coroutine::sleep;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

pub fn sleeps<const MICROS: u64>() -> [f64; 2] {
    on(1, || late!(Duration::from_micros(MICROS), |length| { sleep(length) }))
}

/// One coroutine sleeps, and on each of two workers another one loops for ever.
pub fn sleep_busy() -> [f64; 2] {
    static LOOPING: AtomicU32 = AtomicU32::new(0);
    static WOKEN: AtomicBool = AtomicBool::new(false);
    may::config().set_workers(2);
    for _ in 0..2 {
        go(|| {
            LOOPING.fetch_add(1, Ordering::SeqCst);
            loop {
                std::hint::spin_loop();
            }
        });
    }
    go(|| {
        // Begun before the last loop has, or not at all: either way it does not come to the end.
        sleep(Duration::from_millis(1));
        while LOOPING.load(Ordering::SeqCst) < 2 {
            sleep(Duration::from_millis(1));
        }
        WOKEN.store(true, Ordering::SeqCst);
    });
    while LOOPING.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    never(&WOKEN)
}
