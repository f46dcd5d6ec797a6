//! may: stackful coroutines on worker threads; on one, unless a row says two.
//!
//! It guards each stack by a mapping of its own, two mappings a coroutine, of which a process may have 65,530: rows that
//! keep more than 32,000 coroutines at a time are beyond it.

pub mod many;
pub mod sync;
pub mod time;

use crate::timing::sample;
use may::coroutine::{self, JoinHandle};

fn go<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: no thread-local is used across a suspension here, and the stacks are deep enough for these loops.
    unsafe { coroutine::spawn(f) }
}

/// Runs `f` as the main coroutine of this many workers.
fn on<R: Send + 'static>(workers: usize, f: impl FnOnce() -> R + Send + 'static) -> R {
    may::config().set_workers(workers).set_pool_capacity(4000);
    go(f).join().expect("no measurement panics")
}

pub fn yields() -> f64 {
    on(1, || {
        sample!(2_000_000, |n| {
            let half = move || (0..n / 2).for_each(|_| coroutine::yield_now());
            let (a, b) = (go(half), go(half));
            a.join().expect("it only yields");
            b.join().expect("it only yields");
        })
    })
}

pub fn spawn_join() -> f64 {
    on(1, || sample!(200_000, |n| { (0..n).for_each(|_| go(|| {}).join().expect("it is empty")) }))
}

pub fn spawn_1000() -> f64 {
    on(1, || {
        sample!(200_000, |n| {
            for _ in 0..n / 1000 {
                let all: Vec<_> = (0..1000).map(|_| go(|| {})).collect();
                all.into_iter().for_each(|handle| handle.join().expect("it is empty"));
            }
        })
    })
}

/// The round trip, over either of may's channels.
macro_rules! round_trip {
    ($channel:path) => {{
        let (to, from_main) = $channel();
        let (to_main, from) = $channel();
        let echo = go(move || {
            while let Ok(v) = from_main.recv() {
                let v: u64 = v;
                if to_main.send(v).is_err() {
                    break;
                }
            }
        });
        let ns = sample!(500_000, |n| {
            for i in 0..n {
                to.send(i).expect("the echo receives");
                assert_eq!(from.recv().expect("the echo sends"), i);
            }
        });
        drop(to);
        echo.join().expect("it ends when the channel is closed");
        ns
    }};
}

pub fn channel_mpsc() -> f64 {
    on(1, || round_trip!(may::sync::mpsc::channel))
}

pub fn channel_spsc() -> f64 {
    on(1, || round_trip!(may::sync::spsc::channel))
}
