//! Many waiting tasks at a time.

use super::on;
use crate::memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};

type Handles = Vec<JoinHandle<()>>;

/// Spawns tasks that wait for one `Notify`, and returns it when all do.
async fn park(count: usize, handles: &mut Handles) -> Arc<Notify> {
    let gate = Arc::new(Notify::new());
    let arrived = Arc::new(AtomicUsize::new(0));
    for _ in 0..count {
        let (gate, arrived) = (gate.clone(), arrived.clone());
        handles.push(tokio::spawn(async move {
            arrived.fetch_add(1, Ordering::Relaxed);
            gate.notified().await;
        }));
    }
    while arrived.load(Ordering::Relaxed) < count {
        yield_now().await;
    }
    gate
}

/// Wakes them and returns when all have ended.
async fn release(gate: &Notify, handles: &mut Handles) {
    gate.notify_waiters();
    for handle in handles.drain(..) {
        handle.await.expect("it only waits");
    }
}

pub fn parked() -> f64 {
    on(async {
        const COUNT: usize = 100_000;
        let mut handles = memory::room(COUNT);
        let before = memory::resident();
        park(COUNT, &mut handles).await;
        let each = memory::each(before, COUNT);
        std::mem::forget(handles);
        each
    })
}

pub fn wake_exit() -> f64 {
    on(async {
        const COUNT: usize = 100_000;
        let mut handles = memory::room(COUNT);
        let mut batches = [0.0; 6];
        for batch in &mut batches {
            let gate = park(COUNT, &mut handles).await;
            let start = Instant::now();
            release(&gate, &mut handles).await;
            *batch = start.elapsed().as_nanos() as f64 / COUNT as f64;
        }
        // The first one is the warm-up.
        batches[1..].sort_by(f64::total_cmp);
        batches[3]
    })
}

pub fn create() -> [f64; 2] {
    on(async {
        const COUNT: usize = 1_000_000;
        let mut handles = memory::room(COUNT);
        let mut figures = [0.0; 2];
        for (i, figure) in figures.iter_mut().enumerate() {
            let start = Instant::now();
            let gate = park(COUNT, &mut handles).await;
            *figure = start.elapsed().as_nanos() as f64 / COUNT as f64;
            if i == 0 {
                release(&gate, &mut handles).await;
            }
        }
        std::mem::forget(handles);
        figures
    })
}
