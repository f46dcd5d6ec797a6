//! Goroutines, and their threads.

use g0_sched::{go, lock_os_thread, unlock_os_thread, yield_now};

use super::runtimes::on_one_p;
use super::timing::median;

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
