//! Goroutines start, take turns, wait for one another and end.

mod common;

use common::on_every_runtime;
use g0_sched::{channel, go, scope, yield_now};

#[test]
fn main_returns_its_value() {
    on_every_runtime(2, || assert_eq!(1 + 1, 2));
}

#[test]
fn a_joined_goroutine_gives_its_value() {
    on_every_runtime(2, || {
        let handles: Vec<_> = (0..100u64).map(|i| go(move || i * i)).collect();
        let sum: u64 = handles.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, (0..100).map(|i| i * i).sum());
    });
}

#[test]
fn goroutines_that_yield_all_get_on() {
    on_every_runtime(2, || {
        let handles: Vec<_> = (0..50)
            .map(|_| {
                go(|| {
                    for _ in 0..200 {
                        yield_now();
                    }
                    1
                })
            })
            .collect();
        assert_eq!(handles.into_iter().map(|h| h.join().unwrap()).sum::<i32>(), 50);
    });
}

#[test]
fn a_channel_hands_every_value_over_once() {
    for capacity in [0, 1, 16] {
        on_every_runtime(2, move || {
            let (tx, rx) = channel::<u64>(capacity);
            let senders: Vec<_> = (0..4u64)
                .map(|s| {
                    let tx = tx.clone();
                    go(move || (0..500).for_each(|i| tx.send(s * 1000 + i).unwrap()))
                })
                .collect();
            drop(tx);
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let rx = rx.clone();
                    go(move || rx.iter().sum::<u64>())
                })
                .collect();
            let sum: u64 = receivers.into_iter().map(|h| h.join().unwrap()).sum();
            senders.into_iter().for_each(|h| h.join().unwrap());
            assert_eq!(sum, (0..4).map(|s| s * 1000 * 500 + 499 * 500 / 2).sum());
        });
    }
}

#[test]
fn scoped_goroutines_borrow() {
    on_every_runtime(2, || {
        let mut parts = [0u64; 10];
        scope(|s| {
            for (i, part) in parts.iter_mut().enumerate() {
                s.go(move || {
                    yield_now();
                    *part = i as u64;
                });
            }
        });
        assert_eq!(parts.iter().sum::<u64>(), 45);
    });
}

#[test]
fn the_threads_of_a_runtime_bear_its_name() {
    let runtime = g0_sched::Runtime::builder().procs(1).name("harbour").build().unwrap();
    let name = runtime.run(|| std::thread::current().name().map(str::to_owned)).unwrap();
    assert_eq!(name.as_deref(), Some("harbour"));
}
