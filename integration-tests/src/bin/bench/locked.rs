//! Goroutines that keep their thread, and those that they talk to.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use g0_sched::{JoinHandle, Receiver, Sender, channel, go, lock_os_thread, sleep, yield_now};

use super::runtimes::{on, on_one_p};
use super::timing::{cpu_time, median, one_cpu, with_cpu_time};

/// The echo of the row `channel`, on a thread of its own, and the main goroutine's ends.
struct Echo {
    to: Sender<u64>,
    from: Receiver<u64>,
    echo: JoinHandle<()>,
}

impl Echo {
    fn start(both: bool) -> Self {
        let (to, from_main) = channel::<u64>(0);
        let (to_main, from) = channel::<u64>(0);
        let echo = go(move || {
            lock_os_thread();
            for v in &from_main {
                to_main.send(v).expect("main receives");
            }
        });
        if both {
            lock_os_thread();
        }
        Self { to, from, echo }
    }

    fn round_trip(&self, i: u64) {
        self.to.send(i).expect("the echo receives");
        assert_eq!(self.from.recv(), Ok(i));
    }

    fn end(self) {
        drop(self.to);
        self.echo.join().expect("the echo ends");
    }
}

fn round_trips(procs: usize, both: bool) -> [f64; 2] {
    on(procs, || {
        let echo = Echo::start(both);
        let figures = with_cpu_time(10_000, |n| (0..n).for_each(|i| echo.round_trip(i)));
        echo.end();
        figures
    })
}

pub(crate) fn one<const BOTH: bool>() -> [f64; 2] {
    one_cpu();
    round_trips(1, BOTH)
}

pub(crate) fn two<const BOTH: bool>() -> [f64; 2] {
    round_trips(2, BOTH)
}

pub(crate) fn idle() -> [f64; 2] {
    const TRIPS: u64 = 300;
    on(2, || {
        let echo = Echo::start(false);
        echo.round_trip(0);
        let mut took = Vec::with_capacity(TRIPS as usize);
        let before = cpu_time();
        for i in 0..TRIPS {
            sleep(Duration::from_millis(1));
            let start = Instant::now();
            echo.round_trip(i);
            took.push(start.elapsed().as_secs_f64() * 1e6);
        }
        let cpu = (cpu_time() - before).as_secs_f64() * 1e6 / TRIPS as f64;
        echo.end();
        took.sort_by(f64::total_cmp);
        [took[took.len() / 2], cpu]
    })
}

pub(crate) fn yields() -> f64 {
    on_one_p(|| {
        lock_os_thread();
        median(20_000, |n| (0..n).for_each(|_| yield_now()))
    })
}

pub(crate) fn exit() -> f64 {
    on_one_p(|| {
        median(2000, |n| {
            let one = |_| {
                go(|| {
                    lock_os_thread();
                    // SAFETY: a system call without arguments.
                    unsafe { libc::gettid() }
                })
            };
            let threads: BTreeSet<_> =
                (0..n).map(|i| one(i).join().expect("it only looks")).collect();
            assert_eq!(threads.len() as u64, n, "a thread has outlived its goroutine");
        })
    })
}
