//! tokio: stackless tasks, on the runtime of one thread. Its channel is never unbuffered: capacity 1 stands in.

use crate::memory;
use crate::timing::sample;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, yield_now};

/// Runs the future as the main task.
fn on(main: impl Future<Output = f64> + Send + 'static) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("one thread");
    runtime.block_on(async { tokio::spawn(main).await.expect("no measurement panics") })
}

pub fn yields() -> f64 {
    on(async {
        sample!(2_000_000, |n| {
            let half = move || async move {
                for _ in 0..n / 2 {
                    yield_now().await;
                }
            };
            let (a, b) = (tokio::spawn(half()), tokio::spawn(half()));
            a.await.expect("it only yields");
            b.await.expect("it only yields");
        })
    })
}

pub fn spawn_join() -> f64 {
    on(async {
        sample!(200_000, |n| {
            for _ in 0..n {
                tokio::spawn(async {}).await.expect("it is empty");
            }
        })
    })
}

pub fn spawn_1000() -> f64 {
    on(async {
        sample!(200_000, |n| {
            for _ in 0..n / 1000 {
                let all: Vec<_> = (0..1000).map(|_| tokio::spawn(async {})).collect();
                for handle in all {
                    handle.await.expect("it is empty");
                }
            }
        })
    })
}

pub fn channel() -> f64 {
    on(async {
        let (to, mut from_main) = mpsc::channel::<u64>(1);
        let (to_main, mut from) = mpsc::channel::<u64>(1);
        let echo = tokio::spawn(async move {
            while let Some(v) = from_main.recv().await {
                if to_main.send(v).await.is_err() {
                    break;
                }
            }
        });
        let ns = sample!(500_000, |n| {
            for i in 0..n {
                to.send(i).await.expect("the echo receives");
                assert_eq!(from.recv().await, Some(i));
            }
        });
        drop(to);
        echo.await.expect("it ends when the channel is closed");
        ns
    })
}

pub fn buffered() -> f64 {
    on(async {
        sample!(2_000_000, |n| {
            let (to, mut from) = mpsc::channel::<u64>(128);
            let producer = tokio::spawn(async move {
                for i in 0..n {
                    to.send(i).await.expect("the consumer receives");
                }
            });
            let consumer = tokio::spawn(async move {
                let mut count = 0;
                while from.recv().await.is_some() {
                    count += 1;
                }
                count
            });
            producer.await.expect("it only sends");
            assert_eq!(consumer.await.expect("it only receives"), n);
        })
    })
}

/// Spawns tasks that wait for one `Notify`, and returns when all do.
async fn park(count: usize, handles: &mut Vec<JoinHandle<()>>) {
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

pub fn create() -> f64 {
    on(async {
        const COUNT: usize = 1_000_000;
        let mut handles = memory::room(COUNT);
        let start = Instant::now();
        park(COUNT, &mut handles).await;
        let ns = start.elapsed().as_nanos() as f64 / COUNT as f64;
        std::mem::forget(handles);
        ns
    })
}
