//! A thread of one's own: tokio has it as a blocking closure, whose channel ends block the thread.

use super::{on, on_two};
use crate::timing::{after_rests, one_cpu, sample_with_cpu_time};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, spawn_blocking};

/// The echo of the row `channel`, on a thread of its own, and the main task's ends.
struct Echo {
    to: Sender<u64>,
    from: Receiver<u64>,
    echo: JoinHandle<()>,
}

impl Echo {
    fn start() -> Self {
        let (to, mut from_main) = mpsc::channel::<u64>(1);
        let (to_main, from) = mpsc::channel::<u64>(1);
        let echo = spawn_blocking(move || {
            while let Some(v) = from_main.blocking_recv() {
                to_main.blocking_send(v).expect("main receives");
            }
        });
        Self { to, from, echo }
    }

    async fn round_trip(&mut self, i: u64) {
        self.to.send(i).await.expect("the echo receives");
        assert_eq!(self.from.recv().await, Some(i));
    }

    async fn end(self) {
        drop(self.to);
        self.echo.await.expect("it ends when the channel is closed");
    }
}

async fn round_trips() -> [f64; 2] {
    let mut echo = Echo::start();
    let figures = sample_with_cpu_time!(10_000, |n| {
        for i in 0..n {
            echo.round_trip(i).await;
        }
    });
    echo.end().await;
    figures
}

pub fn one() -> [f64; 2] {
    one_cpu();
    on(round_trips())
}

pub fn two() -> [f64; 2] {
    on_two(round_trips())
}

pub fn idle() -> [f64; 2] {
    on_two(async {
        let mut echo = Echo::start();
        let rest = Duration::from_millis(1);
        let figures =
            after_rests!({ tokio::time::sleep(rest).await }, |i| { echo.round_trip(i).await });
        echo.end().await;
        figures
    })
}
