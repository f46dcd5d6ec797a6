//! Channels: each value is somewhere, once, whoever sends and whatever ends.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::count::Count;
use common::{on_each_kind, on_every_runtime, yield_until};
use g0_sched::{TrySendError, channel, go, yield_now};

#[test]
fn each_value_is_dropped_once() {
    on_every_runtime(2, || {
        let count = Count::new();
        // Dropped with the channel that holds them, some having gone round the ring.
        let (tx, rx) = channel(4);
        for _ in 0..3 {
            tx.send(count.one()).ok().unwrap();
            drop(rx.recv().ok().unwrap());
        }
        (0..4).for_each(|_| tx.send(count.one()).ok().unwrap());
        assert_eq!(count.dropped(), 3);
        drop((tx, rx));
        count.assert_all_dropped(7);

        // Refused.
        let (tx, rx) = channel(1);
        tx.send(count.one()).ok().unwrap();
        drop(tx.try_send(count.one()));
        drop(rx);
        drop(tx.send(count.one()));
        drop(tx);
        count.assert_all_dropped(10);

        // Handed over by those who wait, in both directions.
        let (tx, rx) = channel(0);
        let all: Vec<_> = (0..20)
            .map(|i| {
                let (tx, rx, value) = (tx.clone(), rx.clone(), count.one());
                go(move || {
                    if i % 2 == 0 {
                        tx.send(value).ok().unwrap();
                    } else {
                        drop((rx.recv().ok().unwrap(), value));
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|h| h.join().unwrap());
        count.assert_all_dropped(30);
    });
}

#[test]
fn a_value_whose_send_is_ended_by_shutdown_is_dropped() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let ended = kind.with_procs(procs).run_counted(|| {
            let (tx, rx) = channel(0);
            let waits = Arc::new(AtomicUsize::new(0));
            for _ in 0..5 {
                let (tx, value, waits) = (tx.clone(), count.one(), waits.clone());
                drop(go(move || {
                    waits.fetch_add(1, Ordering::SeqCst);
                    drop(tx.send(value));
                }));
            }
            yield_until("they wait", || waits.load(Ordering::SeqCst) == 5);
            (0..200).for_each(|_| yield_now());
            // Kept: nobody closes the channel.
            (tx, rx)
        });
        let ended = ended.unwrap();
        assert_eq!(ended.left_behind, 0);
        drop(ended);
        count.assert_all_dropped(5);
    });
}

#[test]
fn threads_that_run_no_goroutine_take_part() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u64>(0);
        let (back, results) = channel::<u64>(3);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (rx, back) = (rx.clone(), back.clone());
                std::thread::spawn(move || {
                    for value in &rx {
                        back.send(value * 2).unwrap();
                    }
                })
            })
            .collect();
        drop((rx, back));
        let feeder = go(move || (1..=300).for_each(|i| tx.send(i).unwrap()));
        assert_eq!(results.iter().sum::<u64>(), 300 * 301);
        feeder.join().unwrap();
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
    // Also without any runtime.
    let (tx, rx) = channel::<u32>(0);
    let thread = std::thread::spawn(move || (0..100).for_each(|i| tx.send(i).unwrap()));
    assert!(rx.iter().eq(0..100));
    thread.join().unwrap();
}

#[test]
fn nothing_is_lost_under_stress() {
    for capacity in [0, 2, 64] {
        on_every_runtime(2, move || {
            const SENDERS: u64 = 8;
            const EACH: u64 = 400;
            let (tx, rx) = channel::<u64>(capacity);
            let senders: Vec<_> = (0..SENDERS)
                .map(|s| {
                    let tx = tx.clone();
                    go(move || {
                        for i in 0..EACH {
                            let mut value = s << 32 | i;
                            while let Err(TrySendError::Full(back)) = tx.try_send(value) {
                                value = back;
                                if i % 3 == 0 {
                                    yield_now();
                                } else {
                                    tx.send(value).unwrap();
                                    break;
                                }
                            }
                        }
                    })
                })
                .collect();
            drop(tx);
            let receivers: Vec<_> = (0..5)
                .map(|_| {
                    let rx = rx.clone();
                    go(move || {
                        let mut last = [None; SENDERS as usize];
                        let (mut n, mut sum) = (0u64, 0u64);
                        for value in &rx {
                            let (s, i) = ((value >> 32) as usize, value & 0xffff_ffff);
                            assert!(last[s] < Some(i), "one sender's values keep their order");
                            last[s] = Some(i);
                            n += 1;
                            sum = sum.wrapping_add(value.wrapping_mul(0x9e37_79b9));
                        }
                        (n, sum)
                    })
                })
                .collect();
            drop(rx);
            let got: Vec<(u64, u64)> = receivers.into_iter().map(|h| h.join().unwrap()).collect();
            senders.into_iter().for_each(|h| h.join().unwrap());
            assert_eq!(got.iter().map(|(n, _)| n).sum::<u64>(), SENDERS * EACH);
            let expected = (0..SENDERS)
                .flat_map(|s| (0..EACH).map(move |i| s << 32 | i))
                .fold(0u64, |sum, v| sum.wrapping_add(v.wrapping_mul(0x9e37_79b9)));
            assert_eq!(got.iter().fold(0u64, |sum, (_, s)| sum.wrapping_add(*s)), expected);
        });
    }
}
