//! Many parked goroutines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use g0_sched::{channel, go, yield_now};

use super::on_one_p;

/// Resident bytes of this process.
fn rss() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let line = text.lines().find(|line| line.starts_with("Rss:")).expect("a line Rss");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib * 1024
}

fn park_many(n: u64) -> (u64, f64) {
    on_one_p(move || {
        let (tx, rx) = channel::<()>(0);
        let parked = Arc::new(AtomicU64::new(0));
        let mut handles = Vec::with_capacity(n as usize);
        // Touched before the first figure.
        handles.resize_with(n as usize, || None);
        let before = rss();
        let start = Instant::now();
        for handle in &mut handles {
            let (rx, parked) = (rx.clone(), parked.clone());
            *handle = Some(go(move || {
                parked.fetch_add(1, Ordering::Relaxed);
                let _ = rx.recv();
            }));
        }
        while parked.load(Ordering::Relaxed) != n {
            yield_now();
        }
        let ns = start.elapsed().as_nanos() as f64 / n as f64;
        let bytes = rss().saturating_sub(before);
        tx.close().expect("an open channel");
        for handle in handles {
            handle.expect("a handle").join().expect("a goroutine that waited");
        }
        (bytes / n, ns)
    })
}

pub(crate) fn parked() -> f64 {
    park_many(100_000).0 as f64
}

pub(crate) fn create_1m() -> f64 {
    park_many(1_000_000).1
}
