//! The least that the machine can do: no peer, but what a figure cannot go below.

pub mod locked;
pub mod share;

use crate::timing::late;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Guards and touches a million stacks of 64 KiB, fresh from the kernel.
pub fn create() -> f64 {
    const COUNT: usize = 1_000_000;
    const SIZE: usize = 64 << 10;
    const PAGE: usize = 4096;
    /// `MADV_GUARD_INSTALL`, of Linux 6.13.
    const GUARD: libc::c_int = 102;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), COUNT * SIZE, access, flags, -1, 0) };
    assert_ne!(base, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    // SAFETY: the mapping is ours. Without huge pages: a stack touches one page.
    unsafe { libc::madvise(base, COUNT * SIZE, libc::MADV_NOHUGEPAGE) };
    let start = Instant::now();
    for i in 0..COUNT {
        // SAFETY: the i-th stack lies within the mapping, which nothing else uses.
        unsafe {
            let stack = base.byte_add(i * SIZE);
            if libc::madvise(stack, PAGE, GUARD) != 0 {
                let refused = libc::mprotect(stack, PAGE, libc::PROT_NONE) != 0;
                assert!(!refused, "guard {i}: {}", std::io::Error::last_os_error());
            }
            stack.byte_add(SIZE - 8).cast::<u64>().write_volatile(i as u64);
        }
    }
    start.elapsed().as_nanos() as f64 / COUNT as f64
}

/// A thread sleeps, on an idle machine.
pub fn sleeps<const MICROS: u64>() -> [f64; 2] {
    late!(Duration::from_micros(MICROS), |length| { std::thread::sleep(length) })
}

/// Two threads in the place of two goroutines, one of which is started for this: the median of how long both take, in
/// seconds.
pub fn fork_join(length: Duration) -> f64 {
    let compute = move || {
        let start = Instant::now();
        while start.elapsed() < length {
            std::hint::spin_loop();
        }
    };
    let begin = Instant::now();
    let mut took = Vec::new();
    while took.len() < 1000 && begin.elapsed() < Duration::from_secs(1) {
        let start = Instant::now();
        let other = std::thread::spawn(compute);
        compute();
        other.join().expect("it only computes");
        took.push(start.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

/// One thread wakes another: how long after the wake began that one goes on.
pub fn wake() -> [f64; 2] {
    const WAKES: usize = 1000;
    let (sent, noted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (begin, time) = (Instant::now(), AtomicUsize::new(0));
    let now = || begin.elapsed().as_nanos() as usize;
    let mut late: Vec<f64> = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut late = Vec::with_capacity(WAKES);
            while late.len() < WAKES {
                while sent.load(Ordering::Acquire) == late.len() {
                    std::thread::park();
                }
                late.push((now() - time.load(Ordering::Relaxed)) as f64 / 1e3);
                noted.store(late.len(), Ordering::Release);
            }
            late
        });
        for wake in 0..WAKES {
            std::thread::sleep(Duration::from_millis(1));
            while noted.load(Ordering::Acquire) != wake {
                std::thread::yield_now();
            }
            time.store(now(), Ordering::Relaxed);
            sent.store(wake + 1, Ordering::Release);
            waiter.thread().unpark();
        }
        waiter.join().expect("it only notes")
    });
    late.sort_by(f64::total_cmp);
    [late[WAKES / 2], late[WAKES * 99 / 100]]
}
