//! Many parked coroutines at a time.

use super::{go, on};
use crate::memory;
use may::coroutine::{self, JoinHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const COUNT: usize = 20_000;

/// Spawns coroutines that park, and returns when all have.
fn park(handles: &mut Vec<JoinHandle<()>>) {
    let arrived = Arc::new(AtomicUsize::new(0));
    for _ in 0..COUNT {
        let arrived = arrived.clone();
        handles.push(go(move || {
            arrived.fetch_add(1, Ordering::Relaxed);
            coroutine::park();
        }));
    }
    while arrived.load(Ordering::Relaxed) < COUNT {
        // A yielding coroutine would be run again before the new ones, for ever.
        coroutine::sleep(Duration::from_millis(1));
    }
}

/// Wakes them and returns when all have ended.
fn release(handles: &mut Vec<JoinHandle<()>>) {
    handles.iter().for_each(|handle| handle.coroutine().unpark());
    handles.drain(..).for_each(|handle| handle.join().expect("it only parks"));
}

pub fn parked() -> f64 {
    on(1, || {
        let mut handles = memory::room(COUNT);
        let before = memory::resident();
        park(&mut handles);
        let each = memory::each(before, COUNT);
        std::mem::forget(handles);
        each
    })
}

pub fn wake_exit() -> f64 {
    on(1, || {
        // Room for all: what ends is kept, not unmapped.
        may::config().set_pool_capacity(COUNT);
        let mut handles = memory::room(COUNT);
        let mut batches = [0.0; 6];
        for batch in &mut batches {
            park(&mut handles);
            let start = Instant::now();
            release(&mut handles);
            *batch = start.elapsed().as_nanos() as f64 / COUNT as f64;
        }
        // The first one is the warm-up.
        batches[1..].sort_by(f64::total_cmp);
        batches[3]
    })
}

/// How many coroutines there are when the kernel refuses the next one.
pub fn guarded() -> f64 {
    const WANTED: usize = 1_000_000;
    may::config().set_workers(1).set_pool_capacity(1);
    let mut handles = Vec::with_capacity(WANTED);
    // The refusal is a panic, and its message is of no interest.
    std::panic::set_hook(Box::new(|_| ()));
    while handles.len() < WANTED {
        let Ok(handle) = std::panic::catch_unwind(|| go(coroutine::park)) else { break };
        handles.push(handle);
    }
    let count = handles.len();
    std::mem::forget(handles);
    count as f64
}
