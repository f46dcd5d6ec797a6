//! Memory that goroutines once used, and do not need while they wait.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use g0_sched::{channel, go, sleep};

use super::memory::rss;
use super::runtimes::on;

#[inline(never)]
fn deep() {
    // A variable: a constant would not lie on the stack.
    let mut bytes = [0_u8; 216 << 10];
    bytes.fill(black_box(1));
    black_box(&bytes);
}

/// Bytes a goroutine, five seconds after the last of them has used 216 KiB and parked for good.
pub(crate) fn given_back() -> f64 {
    const COUNT: usize = 20_000;
    on(2, || {
        let before = rss();
        let (gate, closed) = channel::<()>(0);
        let arrived = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..COUNT)
            .map(|_| {
                let (closed, arrived) = (closed.clone(), arrived.clone());
                go(move || {
                    deep();
                    arrived.fetch_add(1, Ordering::Relaxed);
                    let _ = closed.recv();
                })
            })
            .collect();
        while arrived.load(Ordering::Relaxed) != COUNT {
            sleep(Duration::from_millis(10));
        }
        sleep(Duration::from_secs(5));
        let bytes = rss().saturating_sub(before);
        drop(gate);
        all.into_iter().for_each(|one| one.join().expect("it returns"));
        bytes as f64 / COUNT as f64
    })
}
