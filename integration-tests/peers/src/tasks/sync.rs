//! What tasks wait for.

use super::{on, on_two};
use crate::timing::sample;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

pub fn select() -> f64 {
    on(async {
        let (to, mut from_main) = mpsc::channel::<u64>(1);
        let (to_main, mut from) = mpsc::channel::<u64>(1);
        let (quit, mut echo_quits) = mpsc::channel::<()>(1);
        let (_quit_too, mut main_quits) = mpsc::channel::<()>(1);
        let echo = tokio::spawn(async move {
            loop {
                tokio::select! {
                    v = from_main.recv() => {
                        to_main.send(v.expect("main sends")).await.expect("main receives");
                    }
                    _ = echo_quits.recv() => break,
                }
            }
        });
        let ns = sample!(500_000, |n| {
            for i in 0..n {
                to.send(i).await.expect("the echo receives");
                tokio::select! {
                    v = from.recv() => assert_eq!(v, Some(i)),
                    _ = main_quits.recv() => unreachable!("nobody speaks on this channel"),
                }
            }
        });
        drop(quit);
        echo.await.expect("it ends when it is told");
        ns
    })
}

pub fn ring() -> f64 {
    const MEMBERS: usize = 1000;
    on(async {
        let (ends, starts): (Vec<_>, Vec<_>) =
            (0..MEMBERS).map(|_| mpsc::channel::<u64>(1)).unzip();
        let (done, mut finished) = mpsc::channel(1);
        for (i, mut from) in starts.into_iter().enumerate() {
            let (to, done) = (ends[(i + 1) % MEMBERS].clone(), done.clone());
            tokio::spawn(async move {
                while let Some(v) = from.recv().await {
                    match v {
                        0 => done.send(()).await.expect("main waits"),
                        _ => to.send(v - 1).await.expect("the next member receives"),
                    }
                }
            });
        }
        sample!(1_000_000, |n| {
            ends[0].send(n).await.expect("the first member receives");
            finished.recv().await.expect("the token stops somewhere");
        })
    })
}

async fn add(counter: &Mutex<u64>, n: u64) {
    for _ in 0..n {
        *counter.lock().await += 1;
    }
}

pub fn mutex() -> f64 {
    on(async {
        sample!(10_000_000, |n| {
            let counter = Mutex::new(0);
            add(&counter, n).await;
            assert_eq!(*counter.lock().await, n);
        })
    })
}

pub fn mutex_contended() -> f64 {
    const MEMBERS: u64 = 8;
    on_two(async {
        sample!(2_000_000, |n| {
            let counter = Arc::new(Mutex::new(0));
            let one = |_| {
                let counter = counter.clone();
                tokio::spawn(async move { add(&counter, n / MEMBERS).await })
            };
            let all: Vec<_> = (0..MEMBERS).map(one).collect();
            for handle in all {
                handle.await.expect("it only adds");
            }
            assert_eq!(*counter.lock().await, n);
        })
    })
}
