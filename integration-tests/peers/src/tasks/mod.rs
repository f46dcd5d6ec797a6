//! tokio: stackless tasks, on the runtime of one thread, unless a row says two. Its channel is never unbuffered: capacity
//! 1 stands in.

pub mod locked;
pub mod many;
pub mod sync;
pub mod time;
pub mod trees;

use crate::timing::sample;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::yield_now;

/// Runs the future as the main task of one thread.
fn on<R: Send + 'static>(main: impl Future<Output = R> + Send + 'static) -> R {
    run(Builder::new_current_thread(), main)
}

/// Runs the future as the main task of two threads.
fn on_two<R: Send + 'static>(main: impl Future<Output = R> + Send + 'static) -> R {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    run(builder, main)
}

fn run<R: Send + 'static>(
    mut builder: Builder,
    main: impl Future<Output = R> + Send + 'static,
) -> R {
    let runtime = builder.enable_time().build().expect("a runtime");
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
