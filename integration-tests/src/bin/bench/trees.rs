//! Trees of goroutines: every node starts its children and waits for them.

use std::time::Instant;

use g0_sched::{Sender, channel, go};

use super::runtimes::on;

fn skynet_node(to: &Sender<u64>, first: u64, size: u64) {
    let mut sum = first;
    if size > 1 {
        let (child, from) = channel(0);
        for i in 0..10 {
            let child = child.clone();
            go(move || skynet_node(&child, first + i * (size / 10), size / 10));
        }
        sum = (0..10).map(|_| from.recv().expect("ten children")).sum();
    }
    to.send(sum).expect("the parent waits");
}

fn grow(leaves: u64) {
    let (root, from) = channel(0);
    go(move || skynet_node(&root, 0, leaves));
    assert_eq!(from.recv(), Ok(leaves * (leaves - 1) / 2));
}

pub(crate) fn skynet() -> f64 {
    const LEAVES: u64 = 1_000_000;
    on(2, || {
        grow(LEAVES);
        let start = Instant::now();
        grow(LEAVES);
        start.elapsed().as_nanos() as f64 / LEAVES as f64
    })
}

fn fib_node(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let other = go(move || fib_node(n - 1));
    let mine = fib_node(n - 2);
    mine + other.join().expect("it only adds")
}

pub(crate) fn fib() -> f64 {
    on(2, || {
        fib_node(30);
        let start = Instant::now();
        assert_eq!(fib_node(30), 832_040);
        start.elapsed().as_secs_f64() * 1e3
    })
}
