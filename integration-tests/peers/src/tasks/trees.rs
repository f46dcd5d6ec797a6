//! Trees of tasks: every node starts its children and waits for them.

use super::on_two;
use std::pin::Pin;
use std::time::Instant;
use tokio::sync::mpsc::{Sender, channel};

type Node<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn skynet_node(to: Sender<u64>, first: u64, size: u64) -> Node<()> {
    Box::pin(async move {
        let mut sum = first;
        if size > 1 {
            let (child, mut from) = channel(1);
            for i in 0..10 {
                tokio::spawn(skynet_node(child.clone(), first + i * (size / 10), size / 10));
            }
            sum = 0;
            for _ in 0..10 {
                sum += from.recv().await.expect("ten children");
            }
        }
        to.send(sum).await.expect("the parent waits");
    })
}

async fn grow(leaves: u64) {
    let (root, mut from) = channel(1);
    tokio::spawn(skynet_node(root, 0, leaves));
    assert_eq!(from.recv().await, Some(leaves * (leaves - 1) / 2));
}

pub fn skynet() -> f64 {
    on_two(async {
        const LEAVES: u64 = 1_000_000;
        grow(LEAVES).await;
        let start = Instant::now();
        grow(LEAVES).await;
        start.elapsed().as_nanos() as f64 / LEAVES as f64
    })
}

fn fib_node(n: u64) -> Node<u64> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let other = tokio::spawn(fib_node(n - 1));
        let mine = fib_node(n - 2).await;
        mine + other.await.expect("it only adds")
    })
}

pub fn fib() -> f64 {
    on_two(async {
        fib_node(30).await;
        let start = Instant::now();
        assert_eq!(fib_node(30).await, 832_040);
        start.elapsed().as_secs_f64() * 1e3
    })
}
