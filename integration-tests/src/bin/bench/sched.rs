//! Goroutines, channels, locks.

use g0_sched::{channel, go, lock_os_thread, unlock_os_thread, yield_now};

use super::{median, on_one_p};

pub(crate) fn yields() -> f64 {
    on_one_p(|| {
        median(2_000_000, |n| {
            let turns = move || (0..n / 2).for_each(|_| yield_now());
            let (a, b) = (go(turns), go(turns));
            a.join().expect("a turn");
            b.join().expect("a turn");
        })
    })
}

pub(crate) fn spawn_join() -> f64 {
    on_one_p(|| {
        median(200_000, |n| {
            for _ in 0..n {
                go(|| ()).join().expect("an empty goroutine");
            }
        })
    })
}

pub(crate) fn spawn_1000() -> f64 {
    on_one_p(|| {
        let mut handles = Vec::with_capacity(1000);
        median(200_000, |n| {
            for _ in 0..n / 1000 {
                handles.extend((0..1000).map(|_| go(|| ())));
                handles.drain(..).for_each(|h| h.join().expect("an empty goroutine"));
            }
        })
    })
}

pub(crate) fn channel_round_trip() -> f64 {
    on_one_p(|| {
        let (a_tx, a_rx) = channel::<u64>(0);
        let (c_tx, c_rx) = channel::<u64>(0);
        let echo = go(move || {
            for v in &a_rx {
                c_tx.send(v).expect("main receives");
            }
        });
        let ns = median(500_000, |n| {
            for i in 0..n {
                a_tx.send(i).expect("echo receives");
                assert_eq!(c_rx.recv(), Ok(i));
            }
        });
        drop(a_tx);
        echo.join().expect("echo ends");
        ns
    })
}

pub(crate) fn buffered() -> f64 {
    on_one_p(|| {
        median(2_000_000, |n| {
            let (tx, rx) = channel::<u64>(128);
            let producer =
                go(move || (0..n).for_each(|i| tx.send(i).expect("the consumer receives")));
            let consumer = go(move || rx.iter().count() as u64);
            producer.join().expect("the producer ends");
            assert_eq!(consumer.join().ok(), Some(n));
        })
    })
}

pub(crate) fn lock() -> f64 {
    on_one_p(|| {
        median(10_000_000, |n| {
            for _ in 0..n {
                lock_os_thread();
                unlock_os_thread();
            }
        })
    })
}
