//! The pool and the pipeline on goroutines.
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use downstream::pipeline::stage;
use downstream::pool::Pool;
use downstream::rt::{Chan, go, yield_now};
use g0_sched::Runtime;

#[test]
fn things_are_lent_to_one_at_a_time() {
    let counts = Runtime::builder().procs(2).build().unwrap().run(|| {
        let pool = Arc::new(Pool::new([0u32; 2]));
        let out = Arc::new(AtomicUsize::new(0));
        let users = (0..20).map(|_| {
            let (pool, out) = (pool.clone(), out.clone());
            go(move || {
                let mut count = pool.lend();
                assert!(out.fetch_add(1, Ordering::SeqCst) < 2, "there are two");
                yield_now();
                *count += 1;
                out.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let users: Vec<_> = users.collect();
        users.into_iter().for_each(|user| user.join().unwrap());
        let (one, other) = (pool.lend(), pool.lend());
        assert!(pool.try_lend().is_none());
        *one + *other
    });
    assert_eq!(counts.unwrap(), 20);
}

#[test]
fn values_go_through_in_order_and_the_end_with_them() {
    let seen = Runtime::builder().procs(2).build().unwrap().run(|| {
        let from = Arc::new(Chan::<u32, 4>::new());
        let to = Arc::new(Chan::<u32, 0>::new());
        let stop = Arc::new(Chan::<(), 0>::new());
        let (source, sink) = (from.clone(), to.clone());
        let stage = go(move || stage(&from, &to, &stop, |value| value * 2));
        let sender = go(move || {
            (0..100).for_each(|value| source.send(value).unwrap());
            source.close().unwrap();
        });
        let seen: Vec<u32> = std::iter::from_fn(|| sink.recv().ok()).collect();
        stage.join().unwrap();
        sender.join().unwrap();
        seen
    });
    assert!(seen.unwrap().into_iter().eq((0..100).map(|value| value * 2)));
}
