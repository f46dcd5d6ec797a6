//! What is left to a computing goroutine beside many in C.

use std::ffi::c_uint;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use g0_sched::{go, sleep};

use super::bridge::c_sleep;
use super::runtimes::on_one_p;
use super::timing::{one_cpu, rates};

const SLEEPERS: usize = 100;

/// A thousand steps that cannot be skipped.
fn work(x: u64) -> u64 {
    (0..1000).fold(x, |x, _| black_box(x).wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1))
}

/// The share of what it does alone that a computing goroutine does beside the sleepers, and how
/// many sleeps end a second.
pub(crate) fn share<const MICROS: c_uint>() -> [f64; 2] {
    one_cpu();
    on_one_p(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let (worked, slept) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (working, until) = (worked.clone(), stop.clone());
        let worker = go(move || {
            let mut x = 0;
            while !until.load(Ordering::Relaxed) {
                x = work(x);
                working.fetch_add(1, Ordering::Relaxed);
            }
            black_box(x);
        });
        sleep(Duration::from_millis(100));
        let [alone] = rates([&worked], Duration::from_millis(500));
        let sleeper = |_| {
            let (slept, until) = (slept.clone(), stop.clone());
            go(move || {
                while !until.load(Ordering::Relaxed) {
                    g0_cgo::call_blocking(|| c_sleep(MICROS));
                    slept.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let sleepers: Vec<_> = (0..SLEEPERS).map(sleeper).collect();
        sleep(Duration::from_millis(300));
        let [beside, sleeps] = rates([&worked, &slept], Duration::from_millis(1000));
        stop.store(true, Ordering::Relaxed);
        worker.join().expect("it only computes");
        sleepers.into_iter().for_each(|sleeper| sleeper.join().expect("it only sleeps"));
        assert!(alone > 0.0 && sleeps > 0.0, "nobody computes, or nobody sleeps");
        // A window may begin and end with a sleep of each.
        let most = SLEEPERS as f64 * (1e6 / f64::from(MICROS) + 1.0);
        assert!(sleeps <= most, "sleeps end early: {sleeps} a second");
        [beside / alone, sleeps]
    })
}
