//! Threads in the place of goroutines that sleep in C.

use crate::timing::one_cpu;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SLEEPERS: usize = 100;

/// How much each of `counters` grows, a second.
fn rates<const N: usize>(counters: [&AtomicU64; N], window: Duration) -> [f64; N] {
    let read = || counters.map(|counter| counter.load(Ordering::Relaxed));
    let (start, before) = (Instant::now(), read());
    thread::sleep(window);
    let (seconds, after) = (start.elapsed().as_secs_f64(), read());
    std::array::from_fn(|i| (after[i] - before[i]) as f64 / seconds)
}

/// A thousand steps that cannot be skipped.
fn work(x: u64) -> u64 {
    (0..1000).fold(x, |x, _| black_box(x).wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1))
}

/// The kernel shares the CPU between a thread that computes and those that sleep.
pub fn share<const MICROS: u32>() -> [f64; 2] {
    one_cpu();
    let (stop, worked, slept) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut x = 0;
            while !stop.load(Ordering::Relaxed) {
                x = work(x);
                worked.fetch_add(1, Ordering::Relaxed);
            }
            black_box(x);
        });
        thread::sleep(Duration::from_millis(100));
        let [alone] = rates([&worked], Duration::from_millis(500));
        for _ in 0..SLEEPERS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // SAFETY: it sleeps.
                    unsafe { libc::usleep(MICROS) };
                    slept.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        let [beside, sleeps] = rates([&worked, &slept], Duration::from_millis(1000));
        stop.store(true, Ordering::Relaxed);
        assert!(alone > 0.0 && sleeps > 0.0, "nobody computes, or nobody sleeps");
        // A window may begin and end with a sleep of each.
        let most = SLEEPERS as f64 * (1e6 / f64::from(MICROS) + 1.0);
        assert!(sleeps <= most, "sleeps end early: {sleeps} a second");
        [beside / alone, sleeps]
    })
}
