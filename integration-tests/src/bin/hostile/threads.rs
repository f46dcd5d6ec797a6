//! More goroutines than threads.
#![forbid(unsafe_code)]

use std::collections::HashSet;

use g0_sched::{Deadlock, Runtime, channel, go, sleep, yield_now};

use crate::setup::{Setup, ms, thread};

/// A crowd on four threads, some of which have goroutines of their own.
pub fn more_goroutines(setup: Setup) -> String {
    const MANY: usize = 150;
    const THREADS: usize = 4;
    let used = setup.run_on(Runtime::builder().max_threads(THREADS), || {
        let all: Vec<_> = (0..MANY)
            .map(|n| {
                go(move || {
                    let mine = vec![n; 64];
                    let below = (n % 3 == 0).then(|| go(yield_now));
                    sleep(ms(n as u64 % 3));
                    // What has not started may have no thread before this one ends: it is not joined.
                    drop(below);
                    yield_now();
                    assert!(mine.iter().all(|word| *word == n));
                    thread()
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().expect("it ends")).collect::<HashSet<_>>().len()
    });
    assert!(used <= THREADS, "{used} threads");
    format!("{MANY} goroutines ended, on {used} of {THREADS} threads")
}

/// All threads are taken by goroutines that wait for one which gets none.
pub fn deadlock(setup: Setup) -> String {
    let builder = Runtime::builder().max_threads(3).deadlock(Deadlock::Report);
    setup.run_on(builder, || {
        let (tx, rx) = channel::<usize>(0);
        let (begun, begins) = channel::<()>(2);
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let (rx, begun) = (rx.clone(), begun.clone());
                go(move || {
                    begun.send(()).expect("there is room");
                    rx.recv()
                })
            })
            .collect();
        waiting.iter().for_each(|_| begins.recv().expect("it begins"));
        let sends = go(move || (0..2).try_for_each(|n| tx.send(n)));
        waiting.into_iter().for_each(|one| drop(one.join()));
        drop(sends);
    });
    "no deadlock".to_owned()
}
