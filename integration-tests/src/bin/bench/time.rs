//! Sleeping goroutines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use g0_sched::{go, sleep};

use super::runtimes::on;
use super::timing::median_and_p99;

/// A line of the cache for each count.
#[repr(align(64))]
#[derive(Default)]
struct Tally(AtomicU64);

fn count(wakes: &[Tally]) -> u64 {
    wakes.iter().map(|tally| tally.0.load(Ordering::Relaxed)).sum()
}

pub(crate) fn timers() -> f64 {
    const SLEEPERS: usize = 100_000;
    on(2, || {
        let wakes: Arc<Vec<Tally>> = Arc::new((0..SLEEPERS).map(|_| Tally::default()).collect());
        let started = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let sleeper = |i: usize| {
            let (wakes, started, stop) = (wakes.clone(), started.clone(), stop.clone());
            go(move || {
                started.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(1));
                    wakes[i].0.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let sleepers: Vec<_> = (0..SLEEPERS).map(sleeper).collect();
        while started.load(Ordering::Relaxed) < SLEEPERS as u64 {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(200));
        let (start, before) = (Instant::now(), count(&wakes));
        sleep(Duration::from_millis(500));
        let in_window = count(&wakes) - before;
        let ns = start.elapsed().as_nanos() as f64 / in_window as f64;
        assert!(in_window > 0, "nobody wakes");
        stop.store(true, Ordering::Relaxed);
        sleepers.into_iter().for_each(|sleeper| sleeper.join().expect("it only sleeps"));
        ns
    })
}

/// What `measure` finds beside an endless loop for each of two Ps.
pub(crate) fn beside_loops(measure: impl FnOnce() -> [f64; 2] + Send) -> [f64; 2] {
    on(2, || {
        let stop = Arc::new(AtomicBool::new(false));
        let endless = |_| {
            let stop = stop.clone();
            go(move || while !stop.load(Ordering::Relaxed) {})
        };
        let loops: Vec<_> = (0..2).map(endless).collect();
        let figures = measure();
        stop.store(true, Ordering::Relaxed);
        loops.into_iter().for_each(|endless| endless.join().expect("it only loops"));
        figures
    })
}

/// How late sleeps of this length end: the median and the 99th percentile, in microseconds.
fn late(length: Duration, budget: Duration) -> [f64; 2] {
    const MOST: usize = 2000;
    let begin = Instant::now();
    let mut late: Vec<f64> = Vec::with_capacity(MOST);
    while late.len() < MOST && begin.elapsed() < budget {
        let start = Instant::now();
        sleep(length);
        let over = start.elapsed().checked_sub(length).expect("a sleep does not end early");
        late.push(over.as_secs_f64() * 1e6);
    }
    median_and_p99(late)
}

pub(crate) fn sleeps<const MICROS: u64>() -> [f64; 2] {
    on(1, || late(Duration::from_micros(MICROS), Duration::from_millis(400)))
}

pub(crate) fn sleep_busy() -> [f64; 2] {
    beside_loops(|| late(Duration::from_millis(1), Duration::from_millis(1500)))
}
