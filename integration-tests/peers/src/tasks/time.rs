//! Sleeping tasks.

use super::{on, on_two};
use crate::timing::{late, never};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::time::sleep;

/// A line of the cache for each count.
#[repr(align(64))]
#[derive(Default)]
struct Tally(AtomicU64);

fn count(wakes: &[Tally]) -> u64 {
    wakes.iter().map(|tally| tally.0.load(Ordering::Relaxed)).sum()
}

pub fn timers() -> f64 {
    const SLEEPERS: usize = 100_000;
    on_two(async {
        let wakes: Arc<Vec<Tally>> = Arc::new((0..SLEEPERS).map(|_| Tally::default()).collect());
        let started = Arc::new(AtomicU64::new(0));
        for i in 0..SLEEPERS {
            let (wakes, started) = (wakes.clone(), started.clone());
            // They end with the process.
            tokio::spawn(async move {
                started.fetch_add(1, Ordering::Relaxed);
                loop {
                    sleep(Duration::from_millis(1)).await;
                    wakes[i].0.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while started.load(Ordering::Relaxed) < SLEEPERS as u64 {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(200)).await;
        let (start, before) = (Instant::now(), count(&wakes));
        sleep(Duration::from_millis(500)).await;
        let in_window = count(&wakes) - before;
        assert!(in_window > 0, "nobody wakes");
        start.elapsed().as_nanos() as f64 / in_window as f64
    })
}

pub fn sleeps<const MICROS: u64>() -> [f64; 2] {
    on(async { late!(Duration::from_micros(MICROS), |length| { sleep(length).await }) })
}

/// One task sleeps, and on each of two threads another one loops for ever.
pub fn sleep_busy() -> [f64; 2] {
    static LOOPING: AtomicU32 = AtomicU32::new(0);
    static WOKEN: AtomicBool = AtomicBool::new(false);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.expect("a runtime");
    for _ in 0..2 {
        runtime.spawn(async {
            LOOPING.fetch_add(1, Ordering::SeqCst);
            loop {
                std::hint::spin_loop();
            }
        });
    }
    runtime.spawn(async {
        sleep(Duration::from_millis(1)).await;
        while LOOPING.load(Ordering::SeqCst) < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        WOKEN.store(true, Ordering::SeqCst);
    });
    while LOOPING.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    let figures = never(&WOKEN);
    // Its loops do not end.
    std::mem::forget(runtime);
    figures
}
