//! Waits of a goroutine that a thread of the program's own ends after a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use g0_sched::{block_on, current, park};

/// Waits in `block_on` until the thread wakes the future.
pub fn wait_for_a_waker(length: Duration) {
    let woken = Arc::new(AtomicBool::new(false));
    block_on(std::future::poll_fn(|context| {
        if woken.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let (woken, waker): (_, Waker) = (woken.clone(), context.waker().clone());
        std::thread::spawn(move || {
            std::thread::sleep(length);
            woken.store(true, Ordering::SeqCst);
            waker.wake();
        });
        Poll::Pending
    }));
}

/// Parks until the thread unparks the goroutine by its handle.
pub fn wait_for_a_handle(length: Duration) {
    let me = current().unwrap();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(length);
        me.unpark();
    });
    park();
    thread.join().unwrap();
}
